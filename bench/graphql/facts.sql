-- What deciding does not need and customers have: attributes, twelve orders each of three lines.
INSERT INTO customer_attributes
  (customer_id, name, valid_from, text_value, batch_id)
  SELECT id, 'city', known_at, (ARRAY['York', 'Bath', 'Ely'])[id % 3 + 1], 1 FROM customers;
INSERT INTO customer_attributes
  (customer_id, name, valid_from, number_value, batch_id)
  SELECT id, 'household_size', known_at, id % 5 + 1, 1 FROM customers;
INSERT INTO products (id, external_id, name, batch_id)
  SELECT n, 'P' || n, 'Product ' || n, 1 FROM generate_series(1, 100) n;
INSERT INTO orders (id, external_id, customer_id, ordered_at, channel, batch_id)
  SELECT row_number() OVER (), 'O' || customer_id || '-' || n, customer_id,
    timestamptz '2026-03-31 12:00:00+00' - ((n * 17 + customer_id % 29) || ' hours')::interval,
    'web', 1
  FROM predictions, generate_series(1, 12) n;
INSERT INTO order_lines
  (order_id, line_no, product_id, quantity_milli, amount_minor, discount_minor, batch_id)
  SELECT id, n, (id + n) % 100 + 1, 1000, 100 + (id * n) % 9000, 0, 1
  FROM orders, generate_series(1, 3) n;
