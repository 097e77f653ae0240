"""What decides strategies about a few customers, read from what is published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import func, not_, select

from api.db.guards import resource_plan
from api.db.models import (
    Consent,
    Customer,
    Recommendation,
    RefreshRun,
    Segment,
    SegmentMembership,
    Strategy,
    StrategyAction,
)
from api.db.rules import customer_source, field_column
from api.db.snapshots import Snapshot
from api.db.strategies import no_longer_allowed
from api.domain.fields import Field
from api.domain.resource_plans import parse_resource_plan
from api.domain.rules import fields_of
from api.domain.strategies.circumstances import Circumstances, LastDone
from api.domain.strategies.documents import Strategy as Parsed
from api.domain.strategies.documents import parse_strategy
from api.domain.strategies.withheld import Withheld, withheld
from ml.contracts import cutoff_of

GAIN_FIELDS = ("clv", "churn_probability", "net_spend")


@dataclass(frozen=True, eq=False)
class Reading:
    """How documents and days are read; one of a kind for each request."""

    fields: Mapping[str, Field]
    exponent: int
    time_zone: str


async def withheld_of(
    snapshot: Snapshot, ids: Sequence[int], reading: Reading
) -> Mapping[int, list[Withheld]]:
    """What is meant for each customer and not recommended, as the last refresh saw them."""
    day = (await snapshot.rows(select(func.max(RefreshRun.as_of))))[0][0]
    if day is None:
        return {}
    ordered = sorted(ids)
    rows = await snapshot.rows(
        select(Strategy.id, Strategy.key, Strategy.document).where(Strategy.active)
    )
    catalogue = [parse_strategy(row.document, reading.exponent, reading.fields) for row in rows]
    keys = {row.id: row.key for row in rows}
    columns = await _columns(snapshot, ordered, catalogue, reading)
    circumstances = await _circumstances(snapshot, ordered, keys, day, reading)
    recommended = {number: set[str]() for number in ordered}
    table = Recommendation
    for number, strategy in await snapshot.rows(
        select(table.customer_id, table.strategy_id)
        .join(Strategy, Strategy.id == table.strategy_id)
        .where(table.customer_id.in_(ordered), not_(no_longer_allowed()))
    ):
        recommended[number].add(keys.get(strategy, ""))
    found = withheld(catalogue, columns, circumstances, [recommended[each] for each in ordered])
    return dict(zip(ordered, found, strict=True))


async def _columns(
    snapshot: Snapshot, ids: Sequence[int], catalogue: Sequence[Parsed], reading: Reading
) -> dict[str, Any]:
    fields = fields_of(*(each.rule for each in catalogue))
    plain = {name: field for name, field in fields.items() if not field.many}
    plain |= {name: reading.fields[name] for name in GAIN_FIELDS}
    rows = await snapshot.rows(
        select(*(field_column(each).label(f"f{n}") for n, each in enumerate(plain.values())))
        .select_from(customer_source())
        .where(Customer.id.in_(ids))
        .order_by(Customer.id)
    )
    columns = {
        name: _column([row[place] for row in rows], field, ZoneInfo(reading.time_zone))
        for place, (name, field) in enumerate(plain.items())
    }
    return columns | await _memberships(snapshot, ids, catalogue)


async def _memberships(
    snapshot: Snapshot, ids: Sequence[int], catalogue: Sequence[Parsed]
) -> dict[str, Any]:
    place = {number: row for row, number in enumerate(ids)}
    columns = {
        f"segment.{key}": np.zeros(len(ids), dtype=bool)
        for each in catalogue
        for condition in each.rule.conditions()
        if condition.field.many
        for key in condition.values
    }
    stays = SegmentMembership
    for number, key in await snapshot.rows(
        select(stays.customer_id, Segment.key)
        .join(Segment, Segment.id == stays.segment_id)
        .where(stays.customer_id.in_(ids), stays.left_on.is_(None))
    ):
        if f"segment.{key}" in columns:
            columns[f"segment.{key}"][place[number]] = True
    return columns


def _column(values: Sequence[Any], field: Field, zone: ZoneInfo) -> Any:
    if field.type in ("number", "money", "boolean"):
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    if field.type == "date":
        days = [
            value.astimezone(zone).date() if isinstance(value, dt.datetime) else value
            for value in values
        ]
        return np.array(["NaT" if day is None else day for day in days], dtype="datetime64[D]")
    return np.array(values, dtype=object)


async def _circumstances(
    snapshot: Snapshot,
    ids: Sequence[int],
    keys: Mapping[int, str],
    day: dt.date,
    reading: Reading,
) -> Circumstances:
    cutoff = dt.datetime.fromtimestamp(cutoff_of(day, reading.time_zone), dt.UTC)
    place = {number: row for row, number in enumerate(ids)}
    return Circumstances(
        await _allowed(snapshot, ids, place, cutoff),
        await _done(snapshot, ids, keys, day, cutoff, ZoneInfo(reading.time_zone)),
        parse_resource_plan(await resource_plan(snapshot), reading.exponent),
    )


async def _allowed(
    snapshot: Snapshot, ids: Sequence[int], place: Mapping[int, int], cutoff: dt.datetime
) -> dict[tuple[str, str], Any]:
    """By purpose and channel, who allowed it by the cut-off and has not withdrawn it since."""
    then: dict[tuple[int, str, str], bool] = {}
    now: dict[tuple[int, str, str], bool] = {}
    for *key, said_at, granted in await snapshot.rows(
        select(
            Consent.customer_id,
            Consent.purpose,
            Consent.channel,
            Consent.recorded_at,
            Consent.granted,
        )
        .where(Consent.customer_id.in_(ids))
        .order_by(Consent.recorded_at)
    ):
        number, purpose, channel = key
        now[number, purpose, channel] = granted
        if said_at < cutoff:
            then[number, purpose, channel] = granted
    found: dict[tuple[str, str], list[int]] = {}
    for (number, purpose, channel), granted in then.items():
        if granted and now[number, purpose, channel]:
            found.setdefault((purpose, channel), []).append(place[number])
    return {pair: np.array(rows) for pair, rows in found.items()}


async def _done(
    snapshot: Snapshot,
    ids: Sequence[int],
    keys: Mapping[int, str],
    day: dt.date,
    cutoff: dt.datetime,
    zone: ZoneInfo,
) -> dict[str, LastDone]:
    actions = StrategyAction
    place = {number: row for row, number in enumerate(ids)}
    last: dict[str, dict[int, int]] = {}
    for number, strategy, done_at in await snapshot.rows(
        select(actions.customer_id, actions.strategy_id, actions.done_at)
        .where(actions.customer_id.in_(ids), actions.status == "done", actions.done_at < cutoff)
        .order_by(actions.done_at)
    ):
        ago = (day - done_at.astimezone(zone).date()).days
        last.setdefault(keys.get(strategy, ""), {})[place[number]] = ago
    return {
        key: LastDone(np.array(list(rows)), np.array(list(rows.values())))
        for key, rows in last.items()
    }
