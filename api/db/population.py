"""What decisions need to know about every customer beside the measures: attributes and the past."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Engine, select

from api.db.bulk import bulk_connection, fetch
from api.db.models import AttributeDefinition
from api.domain.fields import Field, attribute_field


@dataclass(frozen=True)
class Population:
    """Arrow tables over all customers, ordered by `customer_id`."""

    customers: pa.Table
    """customer_id, external_id, kind, industry, region, known_at (seconds since 1970)"""
    attributes: pa.Table
    """customer_id, name, valid_from (seconds since 1970), text_value, number_value"""
    attribute_fields: tuple[Field, ...]
    profiles: pa.Table
    """The published classes: customer_id, rfm_group, abc_class, lifecycle_stage, lifecycle_since"""
    tiers: pa.Table
    """The current tiers: customer_id, tier_key"""

    @property
    def attribute_types(self) -> dict[str, str]:
        """The type of each custom attribute, by its name."""
        return {str(each.attribute): each.type for each in self.attribute_fields}


def read_attribute_fields(engine: Engine) -> tuple[Field, ...]:
    """The fields that an installation's custom attributes add to the catalogue."""
    table = AttributeDefinition
    with engine.connect() as connection:
        rows = connection.execute(
            select(
                table.name, table.value_type, table.label_en, table.label_zh, table.sensitive
            ).order_by(table.name)
        ).all()
    return tuple(
        attribute_field(
            row.name, row.value_type, row.label_en, row.label_zh, sensitive=row.sensitive
        )
        for row in rows
    )


def read_population(url: str, engine: Engine) -> Population:
    sqlite = engine.dialect.name == "sqlite"
    epoch = (
        "CAST(strftime('%s', {0}) AS INTEGER)"
        if sqlite
        else "floor(extract(epoch from {0}))::bigint"
    )
    with bulk_connection(url) as connection:
        return Population(
            fetch(
                connection,
                "SELECT id AS customer_id, external_id, kind, industry, region, "
                f"{epoch.format('known_at')} AS known_at FROM customers ORDER BY id",
            ),
            fetch(
                connection,
                f"SELECT customer_id, name, {epoch.format('valid_from')} AS valid_from, "
                "text_value, number_value FROM customer_attributes "
                "ORDER BY customer_id, name, valid_from",
            ),
            read_attribute_fields(engine),
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
