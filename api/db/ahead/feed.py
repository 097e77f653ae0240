"""The feed of scores as look-ahead reads it; filters of it read the same table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Text,
    literal_column,
    not_,
    outerjoin,
    select,
    true,
    type_coerce,
)

from api.db.ahead.levels import Column, Joined, Level, whole_number
from api.db.ahead.reading import Texts
from api.db.feed import FeedPosition, FeedState, delivered, shown
from api.db.models import Customer, Installation, ModelVersion, Prediction, RefreshRun
from api.db.scores import FeedPage
from api.db.snapshots import Snapshot

SCORE = Prediction.__table__
INSTALLATION = Installation.__table__
CUSTOMER = Customer.__table__.alias("ahead_customers")
RUN = RefreshRun.__table__.alias("ahead_runs")
CHURN = ModelVersion.__table__.alias("ahead_churn_models")
CLV = ModelVersion.__table__.alias("ahead_clv_models")

WHOSE = Joined(CUSTOMER, CUSTOMER.c.id == SCORE.c.customer_id)
SCORED_BY = Joined(RUN, RUN.c.id == SCORE.c.run_id)
CHURN_SCORED_BY = Joined(CHURN, CHURN.c.id == RUN.c.churn_model_id, SCORED_BY)
SCORED_WITH = Joined(CLV, CLV.c.id == RUN.c.clv_model_id, CHURN_SCORED_BY)
REASONS = type_coerce(SCORE.c.churn_reasons, Text())


ENDED: Column = literal_column("ended")
"""Stands for whether an entry is an end, which follows from the filter and the reader's place."""


def feed_level() -> Level:
    return Level(SCORE, nested=False, columns=[ENDED])


@dataclass(frozen=True)
class FeedRows:
    """A page of the feed with all that is asked for."""

    rows: Sequence[Sequence[Any]]
    page: FeedPage
    """Without any but its first and its last row."""


FEED_PLACES = 3
"""Each row ends with its revision and the feed's state, which takes two."""


class Revision(NamedTuple):
    revision: int


async def feed_rows(
    snapshot: Snapshot,
    plan: tuple[Texts, Level],
    where: ColumnElement[bool],
    position: FeedPosition | None,
    size: int,
    *,
    alone: bool,
) -> FeedRows | None:
    """What is new to a reader at this place, and how far the feed is, in one statement.

    None where ends that this reader never heard of are gone.
    """
    texts, level = plan
    new = shown(where) if position is None else delivered(where, position)
    over, limit = not_(shown(where)), whole_number(size + 1)

    def page(statement: Select[Any]) -> Select[Any]:
        return statement.where(new).order_by(SCORE.c.revision).limit(limit)

    def whole() -> Select[Any]:
        rows = page(level.select(first=over).add_columns(SCORE.c.revision.label("place")))
        return _with_state(rows.subquery("page"))

    differing = page(select(over))
    text, values = texts.text(differing, whole, snapshot.sql_dialect)
    found = await snapshot.tuples(text, values, alone=alone)
    state = FeedState(*found[0][-2:])
    position = position or state.start()
    if state.has_dropped(position):
        return None
    rows = [row for row in found[:size] if row[-3] is not None]
    ends = [Revision(rows[place][-3]) for place in (0, -1)] if rows else []
    return FeedRows(rows, FeedPage(cast(Any, ends), len(found) > size, position, state))


def _with_state(page: FromClause) -> Select[Any]:
    """The feed's state stands in each row, and in one row if the page is empty."""
    columns = INSTALLATION.c.last_revision, INSTALLATION.c.feed_floor
    source = outerjoin(INSTALLATION, page, true())
    return select(*page.c, *columns).select_from(source).order_by(page.c.place)
