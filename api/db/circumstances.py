"""What strategies must respect about each customer: consents, what was done lately, hand-picks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine, func, select

from api.db.bulk import fetch
from api.db.models import RelationshipStatus, Segment, SegmentMembership, StrategyAction
from ml.contracts import cutoff_of


@dataclass(frozen=True)
class CircumstanceTables:
    """Arrow tables as of the end of a business day, ordered by `customer_id`."""

    consents: pa.Table
    """What is allowed by each customer's latest word: customer_id, purpose, channel"""
    actions: pa.Table
    """When something was last done: customer_id, strategy_id, done_at (seconds since 1970)"""
    members_by_hand: pa.Table
    """Who is in a segment by hand: customer_id, segment_id"""


def read_circumstances(
    connection: adbc.Connection, dialect: str, day: dt.date, time_zone: str
) -> CircumstanceTables:
    """Nothing recorded after the day counts, however late it is read."""
    cutoff = _moment(dialect, cutoff_of(day, time_zone))
    epoch = (
        "CAST(strftime('%s', MAX(a.done_at)) AS INTEGER)"
        if dialect == "sqlite"
        else "floor(extract(epoch from MAX(a.done_at)))::bigint"
    )
    return CircumstanceTables(
        fetch(
            connection,
            "SELECT customer_id, purpose, channel FROM (SELECT customer_id, purpose, channel, "
            "granted, ROW_NUMBER() OVER (PARTITION BY customer_id, purpose, channel "
            f"ORDER BY recorded_at DESC) AS place FROM consents WHERE recorded_at < {cutoff}) w "
            "WHERE place = 1 AND granted ORDER BY customer_id",
        ),
        fetch(
            connection,
            f"SELECT a.customer_id, a.strategy_id, {epoch} AS done_at FROM strategy_actions a "
            f"WHERE a.status = 'done' AND a.done_at < {cutoff} "
            "GROUP BY a.customer_id, a.strategy_id ORDER BY a.customer_id",
        ),
        fetch(
            connection,
            "SELECT m.customer_id, m.segment_id FROM segment_memberships m "
            "JOIN segments s ON s.id = m.segment_id "
            "WHERE s.kind = 'manual' AND m.left_on IS NULL ORDER BY m.customer_id",
        ),
    )


def circumstances_mark(engine: Engine) -> list[list[int]]:
    """Numbers that differ after any change of what people recorded by hand."""
    members = SegmentMembership
    by_hand = select(Segment.id).where(Segment.kind == "manual")
    with engine.connect() as connection:
        actions = connection.execute(
            select(
                func.count(StrategyAction.id),
                func.coalesce(func.max(StrategyAction.id), 0),
                func.coalesce(func.sum(StrategyAction.version), 0),
            )
        ).one()
        stays = connection.execute(
            select(
                func.count(members.id),
                func.coalesce(func.max(members.id), 0),
                func.count(members.left_on),
            ).where(members.segment_id.in_(by_hand))
        ).one()
        statuses = connection.execute(
            select(
                func.count(RelationshipStatus.id),
                func.coalesce(func.max(RelationshipStatus.id), 0),
            )
        ).one()
    return [[int(number) for number in numbers] for numbers in (actions, stays, statuses)]


def _moment(dialect: str, second: int) -> str:
    text = dt.datetime.fromtimestamp(second, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"'{text}'" if dialect == "sqlite" else f"'{text}+00'::timestamptz"
