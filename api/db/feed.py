"""The score feed: what moves a score in it, what a reader is to be told, when its ends are dropped.

Every change of what partners may know gives the score the feed's next revision. All who change it
hold the lock on the installation's row until they commit, so revisions become visible in order and
a reader who goes on from one never misses another.

A row also keeps what it said before its newest revision: from that follows whether a reader who
wants only some of the scores has this one at all, and so has to hear that it left.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnClause, ColumnElement, and_, not_, or_, select
from sqlalchemy.sql.visitors import replacement_traverse

from api.db.models import Installation, Prediction
from api.db.snapshots import Query, Snapshot

TOMBSTONES_KEPT = dt.timedelta(days=90)
"""Unless the settings say otherwise."""
TABLE = Prediction.__table__
JUDGED = ("churn_probability", "churn_percentile", "risk_band", "clv_minor")
"""The columns that filters of the feed read."""
REMEMBER = ", ".join(
    [
        *(f"previous_{name} = {name}" for name in JUDGED),
        "previous_revision = revision",
        "previous_shown = (shared AND NOT deleted)",
    ]
)
"""What every UPDATE that gives a new revision sets beside it, on both databases."""


@dataclass(frozen=True)
class FeedPosition:
    """How far somebody has read: everything up to `revision`.

    What they hold is at least as new as the whole feed was when its last revision was `known`.
    """

    revision: int
    known: int


@dataclass(frozen=True)
class FeedState:
    """`last` is the newest revision; tombstones up to `floor` are gone."""

    last: int
    floor: int

    def start(self) -> FeedPosition:
        """For somebody who holds nothing yet."""
        return FeedPosition(0, self.last)

    def end(self) -> FeedPosition:
        return FeedPosition(self.last, self.last)

    def has_dropped(self, position: FeedPosition) -> bool:
        """Whether ends that this reader never heard of are gone."""
        return max(position.revision, position.known) < self.floor


STATE: Query = select(Installation.last_revision, Installation.feed_floor)


async def feed_state(snapshot: Snapshot) -> FeedState:
    row = (await snapshot.rows(STATE))[0]
    return FeedState(row.last_revision, row.feed_floor)


def shown(where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Scores that a reader with this filter is to hold."""
    return and_(not_(Prediction.deleted), Prediction.shared, where)


def ended(where: ColumnElement[bool], known: int) -> ColumnElement[bool]:
    """Scores to forget: they are not shown any more, and the reader may hold them.

    Surely not held are those that have not moved since `known`, and those that at `known` were not
    shown either.
    """

    def earlier(element: object, **_: object) -> object | None:
        # By name, since a column of the model is another object than one of its table.
        if not isinstance(element, ColumnClause) or str(element.table) != Prediction.__tablename__:
            return None
        return TABLE.c[f"previous_{element.name}"] if element.name in JUDGED else None

    before = replacement_traverse(where, {}, earlier)
    held = or_(
        Prediction.previous_revision > known,
        and_(Prediction.previous_revision <= known, Prediction.previous_shown.is_(True), before),
    )
    return and_(not_(shown(where)), Prediction.revision > known, held)


def delivered(where: ColumnElement[bool], position: FeedPosition) -> ColumnElement[bool]:
    """What is new to a reader at this place."""
    return and_(
        Prediction.revision > position.revision, or_(shown(where), ended(where, position.known))
    )


def drop_tombstones(run_sql: Callable[[str], int], before: str) -> int:
    """Remove ends that were published before a moment (as SQL), and remember up to where.

    The caller holds the feed's lock.
    """
    old = f"SELECT id FROM refresh_runs WHERE published_at < {before}"
    gone = f"deleted AND run_id IN ({old})"
    newest = f"(SELECT MAX(revision) FROM predictions WHERE {gone})"
    run_sql(f"UPDATE installation SET feed_floor = {newest} WHERE {newest} > feed_floor")
    return run_sql(f"DELETE FROM predictions WHERE {gone}")
