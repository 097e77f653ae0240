"""Published predictions: by customer, and as the feed that partners follow by revision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, cast, func, not_, select
from sqlalchemy.orm import aliased

from api.db.feed import FeedPosition, FeedState, delivered, feed_state, shown
from api.db.models import ModelVersion, Prediction, RefreshRun
from api.db.snapshots import Query, Record, Snapshot
from api.domain.feed_cursors import expired

CHURN_MODEL = aliased(ModelVersion)
CLV_MODEL = aliased(ModelVersion)


REASONS = ("churn_reasons", "clv_reasons")
UNREAD = {
    *REASONS,
    *(name for column in Prediction.__table__.c if (name := column.name).startswith("previous_")),
}


def _scores() -> Query:
    """Predictions with the versions of the models that made them.

    Reasons come as JSON text: a page of thousands is read often, its reasons seldom.
    """
    columns = Prediction.__table__.columns
    return (
        select(
            *(column for column in columns if column.name not in UNREAD),
            *(cast(columns[name], Text).label(name) for name in REASONS),
            CHURN_MODEL.version.label("churn_version"),
            CLV_MODEL.version.label("clv_version"),
        )
        .join(RefreshRun, RefreshRun.id == Prediction.run_id)
        .join(CHURN_MODEL, CHURN_MODEL.id == RefreshRun.churn_model_id)
        .join(CLV_MODEL, CLV_MODEL.id == RefreshRun.clv_model_id)
    )


async def predictions_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    rows = await snapshot.rows(
        _scores().where(Prediction.customer_id.in_(ids), ~Prediction.deleted)
    )
    return {row.customer_id: row for row in rows}


@dataclass(frozen=True)
class FeedPage:
    """Entries in the order of their revisions; `state` is the feed's, in the same snapshot."""

    rows: Sequence[Record]
    has_next: bool
    position: FeedPosition
    state: FeedState

    @property
    def end(self) -> FeedPosition:
        """Where to go on: after the last entry, or where the feed ends."""
        if self.has_next:
            return FeedPosition(self.rows[-1].revision, self.position.known)
        return self.state.end()


async def feed_page(
    snapshot: Snapshot, where: ColumnElement[bool], position: FeedPosition | None, size: int
) -> FeedPage:
    """What is new to a reader at this place; to one who holds nothing, all scores there are.

    Raises:
        CursorExpired: ends that this reader never heard of are gone.
    """
    state = await feed_state(snapshot)
    position = position or state.start()
    if state.has_dropped(position):
        raise expired()
    statement = (
        _scores()
        .add_columns(not_(shown(where)).label("ended"))
        .where(delivered(where, position))
        .order_by(Prediction.revision)
        .limit(size + 1)
    )
    rows = await snapshot.rows(statement)
    return FeedPage(rows[:size], len(rows) > size, position, state)


async def count_scores(snapshot: Snapshot, where: ColumnElement[bool]) -> int:
    """How many scores there are to hold, whatever was read already."""
    statement = select(func.count()).select_from(Prediction).where(shown(where))
    return int((await snapshot.rows(statement))[0][0])


async def newest_scores_end(snapshot: Snapshot) -> dt.datetime | None:
    """Until when the scores published last are valid; none where there are none."""
    statement = (
        select(Prediction.valid_until)
        .where(~Prediction.deleted)
        .order_by(Prediction.revision.desc())
        .limit(1)
    )
    rows = await snapshot.rows(statement)
    return rows[0].valid_until if rows else None
