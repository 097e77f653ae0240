"""Cases of customers to be kept or won back, and what was done for them by strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import FromClause, func, select

from api.db.customers import grouped
from api.db.listings import Asked, Listed, latest, list_count, list_page
from api.db.models import CustomerCase, Recommendation, Strategy, StrategyAction
from api.db.pages import Page
from api.db.snapshots import Query, Record, Snapshot

CASES = CustomerCase.__table__
ACTIONS = StrategyAction.__table__
MOST_CASES = 50
CASE_LIST = Listed(
    {
        "opened_on": CASES.c.opened_on,
        "closed_on": CASES.c.closed_on,
        "cause": CASES.c.cause,
        "outcome": CASES.c.outcome,
        "strategy": Strategy.__table__.c.key,
    },
    CASES.c.id,
)


def open_cases(run: Callable[[str], int], run_id: int, day: str, dialect: str) -> int:
    """Open a case for who is recommended a strategy that asks for one and has none open.

    Who had a case closed on the same day or later gets no other one.
    """
    sqlite = "json_extract(s.document, '$.case')"
    json_text = sqlite if dialect == "sqlite" else "(s.document ->> 'case')"
    return run(
        "INSERT INTO customer_cases (customer_id, kind, strategy_id, opened_on, reasons, run_id, "
        f"version) SELECT customer_id, kind, strategy_id, {day}, reasons, {run_id}, 1 FROM ("
        f"SELECT r.customer_id, {json_text} AS kind, r.strategy_id, r.reasons, ROW_NUMBER() OVER "
        f"(PARTITION BY r.customer_id, {json_text} ORDER BY r.priority) AS place "
        "FROM recommendations r JOIN strategies s ON s.id = r.strategy_id "
        f"WHERE {json_text} IS NOT NULL) w WHERE place = 1 AND NOT EXISTS "
        "(SELECT 1 FROM customer_cases c WHERE c.customer_id = w.customer_id AND c.kind = w.kind "
        f"AND (c.closed_on IS NULL OR c.closed_on >= {day}))"
    )


async def cases_page(snapshot: Snapshot, kind: str, is_open: bool | None, asked: Asked) -> Page:
    return await list_page(snapshot, _cases(snapshot, kind, is_open), asked)


async def case_count(snapshot: Snapshot, kind: str, is_open: bool | None, asked: Asked) -> int:
    return await list_count(snapshot, _cases(snapshot, kind, is_open), asked)


def _cases(snapshot: Snapshot, kind: str, is_open: bool | None) -> Query:
    statement = (
        select(CASES)
        .join(Strategy, Strategy.id == CASES.c.strategy_id)
        .where(CASES.c.kind == kind, snapshot.visible(CASES.c.customer_id))
    )
    closed = CASES.c.closed_on
    if is_open is None:
        return statement
    return statement.where(closed.is_(None) if is_open else closed.is_not(None))


async def cases_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Sequence[Record]]:
    """The latest cases of each customer, newest first."""
    return grouped(await snapshot.rows(_latest(CASES, ids, MOST_CASES)))


async def cases_by_id(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    rows = await snapshot.rows(_by_id(snapshot, CASES, ids))
    return {row.id: row for row in rows}


async def actions_by_id(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    rows = await snapshot.rows(_by_id(snapshot, ACTIONS, ids))
    return {row.id: row for row in rows}


def _by_id(snapshot: Snapshot, table: FromClause, ids: Sequence[int]) -> Query:
    return select(table).where(table.c.id.in_(ids), snapshot.visible(table.c.customer_id))


async def actions_of(
    snapshot: Snapshot, ids: Sequence[int], limit: int
) -> Mapping[int, Sequence[Record]]:
    """The latest `limit` actions of each customer, newest first."""
    return grouped(await snapshot.rows(_latest(ACTIONS, ids, limit)))


def _latest(table: FromClause, ids: Sequence[int], limit: int) -> Query:
    owner = table.c.customer_id
    return latest(table, [owner], [table.c.id.desc()], limit, owner.in_(ids))


async def tracking(snapshot: Snapshot) -> Mapping[int, Mapping[str, int]]:
    """By strategy, how many actions there are of each status and outcome."""
    rows = await snapshot.rows(
        select(ACTIONS.c.strategy_id, ACTIONS.c.status, ACTIONS.c.outcome, func.count())
        .where(snapshot.visible(ACTIONS.c.customer_id))
        .group_by(ACTIONS.c.strategy_id, ACTIONS.c.status, ACTIONS.c.outcome)
    )
    found: dict[int, dict[str, int]] = {}
    for strategy_id, status, outcome, number in rows:
        counts = found.setdefault(strategy_id, {})
        for name in (status, outcome):
            if name is not None:
                counts[name] = counts.get(name, 0) + number
    return found


async def recommended_counts(snapshot: Snapshot) -> Mapping[int, int]:
    """By strategy, to how many customers it is recommended now."""
    table = Recommendation.__table__
    rows = await snapshot.rows(
        select(table.c.strategy_id, func.count())
        .where(snapshot.visible(table.c.customer_id))
        .group_by(table.c.strategy_id)
    )
    return {row[0]: row[1] for row in rows}
