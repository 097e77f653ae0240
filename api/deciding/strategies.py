"""What is recommended to do for whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.columns import Column
from api.db.circumstances import CircumstanceTables
from api.deciding.occasion import Deciding
from api.deciding.reading import read_once
from api.domain.conditions import Mask
from api.domain.resource_plans import parse_resource_plan
from api.domain.strategies import Strategy, parse_strategies, recommend
from api.domain.strategies.circumstances import Circumstances, LastDone, Rows

MAX_RECOMMENDATIONS = 5
"""What one person can read and do; each further one is a million rows more for a large business."""


def decide_recommendations(deciding: Deciding) -> pa.Table:
    exponent = deciding.occasion.exponent
    documents = [document for _, document in deciding.catalogue.strategies.values()]
    strategies = read_once(parse_strategies, documents, exponent, deciding.fields)
    columns = deciding.columns | _given_up(strategies, deciding)
    chosen = recommend(strategies, columns, MAX_RECOMMENDATIONS, circumstances(deciding))
    row_ids = {key: row_id for key, (row_id, _) in deciding.catalogue.strategies.items()}
    numbers = np.array([row_ids[each.key] for each in chosen.catalogue], dtype=np.int64)
    return pa.table(
        {
            "customer_id": deciding.ids[chosen.customer_index],
            "priority": pa.array(chosen.priority, type=pa.int64()),
            "strategy_id": pa.array(numbers[chosen.strategy_index], pa.int64()),
            "expected_gain_minor": pa.array(chosen.expected_gain_minor, type=pa.int64()),
            "reasons": pa.chunked_array(list(chosen.reasons_texts()), pa.large_string()),
        }
    )


def _given_up(strategies: Sequence[Strategy], deciding: Deciding) -> dict[str, Mask]:
    """Segments that strategies read and that are there no more: nobody is in them."""
    nobody = np.zeros(len(deciding.ids), dtype=bool)
    read = (
        f"{condition.field.name}.{key}"
        for strategy in strategies
        for condition in strategy.rule.conditions()
        if condition.field.many
        for key in condition.values
    )
    return {name: nobody for name in read if name not in deciding.columns}


def circumstances(deciding: Deciding) -> Circumstances:
    """What the recorded consents and actions mean for these rows, on this day."""
    tables = deciding.population.circumstances
    keys = {row_id: key for key, (row_id, _) in deciding.catalogue.strategies.items()}
    zone = ZoneInfo(deciding.occasion.installation.time_zone)
    return Circumstances(
        _consents(tables, deciding.ids),
        _last_done(tables, deciding.ids, keys, deciding.occasion.as_of, zone),
        parse_resource_plan(deciding.catalogue.resources, deciding.occasion.exponent),
        deciding.ids,
    )


def _consents(tables: CircumstanceTables, ids: Column) -> dict[tuple[str, str], Rows]:
    table = tables.consents
    found: dict[tuple[str, str], Rows] = {}
    for pair in table.group_by(["purpose", "channel"], use_threads=False).aggregate([]).to_pylist():
        same = pc.and_(
            pc.equal(table["purpose"], pair["purpose"]), pc.equal(table["channel"], pair["channel"])
        )
        customers = table.filter(same)["customer_id"].to_numpy()
        found[pair["purpose"], pair["channel"]] = np.flatnonzero(np.isin(ids, customers))
    return found


def _last_done(
    tables: CircumstanceTables, ids: Column, keys: dict[int, str], as_of: dt.date, zone: ZoneInfo
) -> dict[str, LastDone]:
    customers = tables.actions["customer_id"].to_numpy()
    strategies = tables.actions["strategy_id"].to_numpy()
    days = [
        dt.datetime.fromtimestamp(second, zone).date().toordinal()
        for second in tables.actions["done_at"].to_pylist()
    ]
    ago = as_of.toordinal() - np.array(days, dtype=np.int64)
    there = np.isin(customers, ids)
    found = {}
    for row_id, key in keys.items():
        mine = np.flatnonzero((strategies == row_id) & there)
        found[key] = LastDone(np.searchsorted(ids, customers[mine]), ago[mine])
    return found
