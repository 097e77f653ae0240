"""What decisions need to know about every customer beside the measures: attributes and the past."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Engine

from api.db.attributes import read_attribute_fields
from api.db.bulk import bulk_connection, fetch
from api.db.circumstances import CircumstanceTables, read_circumstances
from api.db.installation import read_installation
from api.db.overrides import read_overrides
from api.db.past_classes import PastClasses, read_past_classes
from api.db.standings import tiers_before
from api.domain.fields import Field


@dataclass(frozen=True)
class Population:
    """Arrow tables over all customers, ordered by `customer_id`."""

    customers: pa.Table
    """customer_id, external_id, kind, industry, region, known_at (seconds since 1970)"""
    attributes: pa.Table
    """customer_id, name, valid_from (seconds since 1970), text_value, number_value"""
    attribute_fields: tuple[Field, ...]
    past_classes: PastClasses
    tiers: pa.Table
    """The tiers before the day that a policy gave: `api.db.standings.tiers_before`"""
    overrides: pa.Table
    """Tiers and classes set by hand: `api.db.overrides.OVERRIDES`"""
    circumstances: CircumstanceTables

    @property
    def attribute_types(self) -> dict[str, str]:
        """The type of each custom attribute, by its name."""
        return {str(each.attribute): each.type for each in self.attribute_fields}


def read_population(url: str, engine: Engine, day: dt.date) -> Population:
    """Everyone as the decisions of `day` find them."""
    sqlite = engine.dialect.name == "sqlite"
    epoch = (
        "CAST(strftime('%s', {0}) AS INTEGER)"
        if sqlite
        else "floor(extract(epoch from {0}))::bigint"
    )
    attribute_fields = read_attribute_fields(engine)
    time_zone = read_installation(engine).time_zone
    overrides = read_overrides(engine, day)
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
            attribute_fields,
            read_past_classes(connection, day),
            fetch(connection, tiers_before(day)),
            overrides,
            read_circumstances(connection, engine.dialect.name, day, time_zone),
        )
