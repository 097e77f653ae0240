"""What decisions need to know about every customer beside the measures: attributes and the past."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Engine

from api.db.bulk import fetch
from api.db.engine import bulk_connection


@dataclass(frozen=True)
class Population:
    """Arrow tables over all customers, ordered by `customer_id`."""

    customers: pa.Table
    """customer_id, external_id, kind, industry, region, known_at (text or timestamp)"""
    attributes: pa.Table
    """customer_id, name, valid_from (epoch seconds), text_value, number_value, value_type"""
    profiles: pa.Table
    """The published classes: customer_id, rfm_group, abc_class, lifecycle_stage, lifecycle_since"""
    tiers: pa.Table
    """The current tiers: customer_id, tier_key"""


def read_population(url: str, engine: Engine) -> Population:
    sqlite = engine.dialect.name == "sqlite"
    epoch = "CAST(strftime('%s', {0}) AS INTEGER)" if sqlite else "extract(epoch from {0})::bigint"
    with bulk_connection(url) as connection:
        return Population(
            fetch(
                connection,
                "SELECT id AS customer_id, external_id, kind, industry, region, "
                f"{epoch.format('known_at')} AS known_at FROM customers ORDER BY id",
            ),
            fetch(
                connection,
                f"SELECT a.customer_id, a.name, {epoch.format('a.valid_from')} AS valid_from, "
                "a.text_value, a.number_value, d.value_type FROM customer_attributes a "
                "JOIN attribute_definitions d ON d.name = a.name "
                "ORDER BY a.customer_id, a.name, a.valid_from",
            ),
            fetch(
                connection,
                "SELECT customer_id, rfm_group, abc_class, lifecycle_stage, "
                "CAST(lifecycle_since AS TEXT) AS lifecycle_since "
                "FROM customer_profiles ORDER BY customer_id",
            ),
            fetch(
                connection,
                "SELECT customer_id, tier_key FROM tier_assignments "
                "WHERE ended_on IS NULL ORDER BY customer_id",
            ),
        )
