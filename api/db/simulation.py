"""What a policy would read about every customer, from what was published, as whole columns.

Table by table and joined in memory: a million customers take seconds, on either database.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy.dialects import postgresql, sqlite

from api.columns import NO_DAY, Column, aligned, local_days, objects
from api.db.bulk import fetch
from api.db.models import (
    Customer,
    CustomerAttribute,
    CustomerProfile,
    Prediction,
    RefreshRun,
    TierAssignment,
)
from api.db.models.base import Base, UtcDateTime
from api.db.rules import field_column
from api.db.snapshots import Query
from api.db.standings import tiers_before
from api.domain.fields import Field
from api.domain.tiers import STALE

_SQLITE: Any = sqlite.dialect
_POSTGRESQL: Any = postgresql.dialect
DIALECTS: Mapping[str, sa.Dialect] = {
    "sqlite": _SQLITE(),
    "postgresql": _POSTGRESQL(paramstyle="named"),  # the usual style doubles each percent sign
}


@dataclass(frozen=True)
class Everyone:
    """All customers, in the order of `ids`, which are sorted."""

    ids: Column
    columns: dict[str, Column]
    """A column for each field asked for, and `prediction_stale`."""
    tier: Column
    """The present tier key, None for none or below the lowest."""
    stood: Column
    """The tier before the day, None where there was none: where those that follow are about."""
    decided_by: Column
    """Key of the policy that decided it, None where none did."""
    since: Column
    watch_since: Column
    evaluated_on: Column


@dataclass(frozen=True)
class Reading:
    """An open connection, and what days and moments mean there."""

    connection: adbc.Connection
    dialect: str
    time_zone: str
    day: dt.date
    """The day decided for."""
    cutoff: int
    """Attributes that became so at this second or later are not known yet."""
    stale_from: dt.datetime

    def everyone(self, fields: Iterable[Field]) -> Everyone:
        asked = {field.name: field for field in fields}
        ids = np.sort(self._fetch(sa.select(Customer.id.label("customer_id")))[0])
        columns: dict[str, Column] = {}
        for model in (Customer, CustomerProfile, Prediction):
            ours = [each for each in asked.values() if each.table == model.__tablename__]
            columns |= self._spread(ids, model, ours)
        attributes = [each for each in asked.values() if each.attribute]
        for field in attributes:
            columns[field.name] = self._attribute(ids, field)
        return Everyone(ids, columns, self._tiers(ids), *self._standing(ids))

    def _fetch(self, statement: Query) -> list[Column]:
        """Columns of a result; texts and days as objects, numbers with NaN where missing."""
        table = self._table(statement)
        return [_values(table[name]) for name in table.column_names]

    def _table(self, statement: Query) -> pa.Table:
        compiled = statement.compile(
            dialect=DIALECTS[self.dialect], compile_kwargs={"literal_binds": True}
        )
        return fetch(self.connection, str(compiled))

    def _spread(self, ids: Column, model: type[Base], fields: Sequence[Field]) -> dict[str, Column]:
        table = model.__table__
        key = table.c.id if model is Customer else table.c.customer_id
        predictions = model is Prediction
        if not fields and not predictions:
            return {}
        asked = [self._expression(field).label(f"f{place}") for place, field in enumerate(fields)]
        if predictions:
            asked.append(self._epoch(Prediction.valid_until).label("valid_until"))
        statement = sa.select(key.label("customer_id"), *asked)
        if predictions:
            statement = statement.where(Prediction.deleted.is_(False))
        rows = self._table(statement)
        keys = rows["customer_id"].to_numpy()
        found = {
            field.name: self._column(ids, keys, rows[f"f{place}"], field)
            for place, field in enumerate(fields)
        }
        if predictions:
            until = aligned(ids, keys, rows["valid_until"].cast(pa.float64()).to_numpy(), np.nan)
            found[STALE] = until <= self.stale_from.timestamp()
        return found

    def _expression(self, field: Field) -> Any:
        column = field_column(field)
        return self._epoch(column) if isinstance(column.type, UtcDateTime) else column

    def _epoch(self, column: Any) -> Any:
        """A moment in whole seconds since 1970."""
        if self.dialect == "sqlite":
            return sa.cast(sa.func.strftime(sa.literal_column("'%s'"), column), sa.BigInteger)
        return sa.cast(sa.func.floor(sa.extract("epoch", column)), sa.BigInteger)

    def _column(self, ids: Column, keys: Column, values: pa.ChunkedArray, field: Field) -> Column:
        if field.type in ("number", "money", "boolean"):
            return aligned(ids, keys, values.cast(pa.float64()).to_numpy(), np.nan)
        if isinstance(field_column(field).type, UtcDateTime):
            return aligned(ids, keys, local_days(values, self.time_zone), NO_DAY)
        if field.type == "date":
            return aligned(ids, keys, objects(values).astype("datetime64[D]"), NO_DAY)
        return aligned(ids, keys, objects(values), None)

    def _attribute(self, ids: Column, field: Field) -> Column:
        """The latest value of each customer by the cut-off."""
        table = CustomerAttribute
        value = getattr(table, field.column)
        rows = self._table(
            sa.select(table.customer_id, value.label("value"))
            .where(table.name == field.attribute, self._epoch(table.valid_from) < self.cutoff)
            .order_by(table.customer_id, table.valid_from)
        )
        keys = rows["customer_id"].to_numpy()
        last = np.append(keys[1:] != keys[:-1], np.ones(min(len(keys), 1), dtype=bool))
        return self._column(ids, keys[last], rows["value"].filter(pa.array(last)), field)

    def _tiers(self, ids: Column) -> Column:
        rows = self._table(
            sa.select(TierAssignment.customer_id, TierAssignment.tier_key).where(
                TierAssignment.ended_on.is_(None)
            )
        )
        return aligned(ids, rows["customer_id"].to_numpy(), objects(rows["tier_key"]), None)

    def _standing(self, ids: Column) -> Iterator[Column]:
        """As the next refresh of this day finds it."""
        rows = fetch(self.connection, tiers_before(self.day))
        keys = rows["customer_id"].to_numpy()
        for name in ("tier_key", "policy_key"):
            yield aligned(ids, keys, objects(rows[name]), None)
        for name in ("since", "watch_since", "evaluated_on"):
            yield aligned(ids, keys, objects(rows[name]).astype("datetime64[D]"), NO_DAY)


def _values(column: pa.ChunkedArray) -> Column:
    if pa.types.is_integer(column.type) and not column.null_count:
        values: Column = column.to_numpy()
        return values
    return objects(column)


def last_published(connection: sa.Connection) -> dt.date | None:
    """The day of the latest refresh."""
    return connection.scalar(sa.select(RefreshRun.as_of).order_by(RefreshRun.id.desc()).limit(1))


def external_ids(connection: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
    """The business's own numbers of some customers."""
    statement = sa.select(Customer.id, Customer.external_id).where(Customer.id.in_(ids))
    return {row.id: row.external_id for row in connection.execute(statement)}
