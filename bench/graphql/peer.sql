-- What PostGraphile reads: tables shaped for its questions, so that it answers them as cheaply as it
-- can. One row a thing, keys and foreign keys, moments and amounts as the answer shows them, order
-- totals summed beforehand. Sentences of reasons are filled in by `data.py`.
CREATE SCHEMA peer;

CREATE TABLE peer.customers AS
  SELECT id AS number,
    translate(encode(convert_to('Customer:' || id, 'UTF8'), 'base64'), '+/', '-_') AS gid,
    external_id
  FROM customers;
ALTER TABLE peer.customers ADD PRIMARY KEY (number), ADD UNIQUE (gid);

CREATE TABLE peer.attributes AS
  SELECT DISTINCT ON (customer_id, name) customer_id, name,
    coalesce(to_jsonb(text_value), to_jsonb(number_value)) AS value
  FROM customer_attributes
  ORDER BY customer_id, name, valid_from DESC;
ALTER TABLE peer.attributes ADD PRIMARY KEY (customer_id, name);

CREATE TABLE peer.tiers AS
  SELECT customer_id, tier_key AS tier, since FROM tier_assignments WHERE ended_on IS NULL;
ALTER TABLE peer.tiers ADD PRIMARY KEY (customer_id);

CREATE TABLE peer.tier_stays AS
  SELECT id AS stay, customer_id, tier_key AS tier, since FROM tier_assignments;
ALTER TABLE peer.tier_stays ADD PRIMARY KEY (stay);
CREATE INDEX ON peer.tier_stays (customer_id, since DESC, stay DESC);

CREATE TABLE peer.predictions AS
  SELECT p.customer_id, p.churn_probability, p.clv_minor / 100.0::float8 AS clv,
    p.clv_low_minor / 100.0::float8 AS clv_low, p.clv_high_minor / 100.0::float8 AS clv_high,
    'churn-' || churn.version || '/clv-' || clv.version AS model_version, p.as_of
  FROM predictions p
  JOIN refresh_runs r ON r.id = p.run_id
  JOIN model_versions churn ON churn.id = r.churn_model_id
  JOIN model_versions clv ON clv.id = r.clv_model_id
  WHERE NOT p.deleted;
ALTER TABLE peer.predictions ADD PRIMARY KEY (customer_id);
CREATE INDEX ON peer.predictions (clv DESC, customer_id);

CREATE TABLE peer.memberships AS
  SELECT m.customer_id, s.key, s.name_en AS name
  FROM segment_memberships m JOIN segments s ON s.id = m.segment_id
  WHERE m.left_on IS NULL;
ALTER TABLE peer.memberships ADD PRIMARY KEY (customer_id, key);

CREATE TABLE peer.strategies AS
  SELECT id AS number, key, document -> 'name' ->> 'en' AS name FROM strategies;
ALTER TABLE peer.strategies ADD PRIMARY KEY (number);

CREATE TABLE peer.recommendations AS
  SELECT customer_id, priority, strategy_id FROM recommendations;
ALTER TABLE peer.recommendations ADD PRIMARY KEY (customer_id, priority);

CREATE TABLE peer.orders AS
  SELECT o.id AS number, o.customer_id, o.external_id,
    to_char(o.ordered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00') AS ordered_at,
    (SELECT (sum(amount_minor) / 100.0)::numeric(20, 2)::text FROM order_lines
     WHERE order_id = o.id) AS total
  FROM orders o;
ALTER TABLE peer.orders ADD PRIMARY KEY (number);
CREATE INDEX ON peer.orders (customer_id, ordered_at DESC, number DESC);

CREATE TABLE peer.scores AS
  SELECT p.revision::float8 AS revision,
    translate(encode(convert_to('Customer:' || p.customer_id, 'UTF8'), 'base64'), '+/', '-_')
      AS customer_id,
    c.external_id, p.churn_probability, p.churn_percentile, upper(p.risk_band) AS risk_band,
    p.clv_minor / 100.0::float8 AS clv, p.horizon_days, p.as_of,
    to_char(p.scored_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00') AS scored_at,
    to_char(p.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00') AS valid_until,
    'churn-' || churn.version || '/clv-' || clv.version AS model_version, p.deleted
  FROM predictions p
  JOIN customers c ON c.id = p.customer_id
  JOIN refresh_runs r ON r.id = p.run_id
  JOIN model_versions churn ON churn.id = r.churn_model_id
  JOIN model_versions clv ON clv.id = r.clv_model_id;
ALTER TABLE peer.scores ADD PRIMARY KEY (revision);

ALTER TABLE peer.attributes ADD FOREIGN KEY (customer_id) REFERENCES peer.customers;
ALTER TABLE peer.tiers ADD FOREIGN KEY (customer_id) REFERENCES peer.customers;
ALTER TABLE peer.tier_stays ADD FOREIGN KEY (customer_id) REFERENCES peer.customers;
ALTER TABLE peer.predictions ADD FOREIGN KEY (customer_id) REFERENCES peer.customers;
ALTER TABLE peer.memberships ADD FOREIGN KEY (customer_id) REFERENCES peer.customers;
ALTER TABLE peer.recommendations ADD FOREIGN KEY (customer_id) REFERENCES peer.customers,
  ADD FOREIGN KEY (strategy_id) REFERENCES peer.strategies;
ALTER TABLE peer.orders ADD FOREIGN KEY (customer_id) REFERENCES peer.customers;

CREATE TABLE peer.tier_reasons (
  customer_id bigint REFERENCES peer.tiers, place int, code text NOT NULL, text text NOT NULL,
  PRIMARY KEY (customer_id, place));
CREATE TABLE peer.prediction_reasons (
  customer_id bigint REFERENCES peer.predictions, place int, code text NOT NULL, text text NOT NULL,
  PRIMARY KEY (customer_id, place));
CREATE TABLE peer.recommendation_reasons (
  customer_id bigint, priority int, place int, code text NOT NULL, text text NOT NULL,
  PRIMARY KEY (customer_id, priority, place),
  FOREIGN KEY (customer_id, priority) REFERENCES peer.recommendations);

CREATE FUNCTION peer.customers_at_risk(lowest float8) RETURNS SETOF peer.customers
  LANGUAGE sql STABLE AS $$
    SELECT c.* FROM peer.predictions p JOIN peer.customers c ON c.number = p.customer_id
    WHERE p.churn_probability >= lowest ORDER BY p.clv DESC, p.customer_id
  $$;
