"""The statements of an export: the feed's rows at a place, and how many they are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, not_, select, text, true
from sqlalchemy.dialects import postgresql, sqlite

from api.db.feed import FeedPosition, delivered, shown
from api.db.models import Prediction
from api.db.models.predictions import ENDED
from api.db.snapshots import Query

DIALECTS = {
    "postgresql": postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
    "sqlite": sqlite.dialect(paramstyle="named"),
}
READ = (
    "customer_id",
    "external_id",
    "churn_probability",
    "churn_percentile",
    "risk_band",
    "clv_minor",
    "horizon_days",
    "as_of",
    "scored_at",
    "valid_until",
    "run_id",
    "revision",
    "churn_reasons",
)


@dataclass(frozen=True)
class ExportStatements:
    """SQL texts with their values in them; these come from numbers and known words only."""

    rows: str
    count: str


def export_statements(
    dialect: str,
    where: ColumnElement[bool],
    position: FeedPosition | None,
    *,
    everything: bool = False,
) -> ExportStatements:
    """What is new to a reader at a place; to one who holds nothing, all scores there are.

    Such a reader hears of no ends, so their rows lack `ended`. `everything` says that `where` is
    true of every score.
    """
    table = Prediction.__table__
    wanted = shown(where) if position is None else delivered(where, position)
    columns = [table.c[name] for name in READ]
    if position is not None:
        columns.append(not_(shown(where)).label("ended"))
    rows = select(*columns).where(wanted).order_by(Prediction.revision)
    if everything and position is None:
        # Two indexes tell this in a fifth of the time that looking at every row takes.
        ends = select(func.count()).select_from(Prediction).where(text(ENDED.text))
        count = select(
            select(func.count()).select_from(Prediction).scalar_subquery() - ends.scalar_subquery()
        )
    else:
        count = select(func.count()).select_from(Prediction).where(wanted)
    return ExportStatements(_text(rows, dialect), _text(count, dialect))


def rows_between(dialect: str, after: int, last: int) -> str:
    """The rows of the whole feed with revisions above `after` and up to `last`."""
    columns = [Prediction.__table__.c[name] for name in READ]
    place = and_(Prediction.revision > after, Prediction.revision <= last)
    rows = select(*columns).where(shown(true()), place).order_by(Prediction.revision)
    return _text(rows, dialect)


def _text(statement: Query, dialect: str) -> str:
    compiled = statement.compile(dialect=DIALECTS[dialect], compile_kwargs={"literal_binds": True})
    return str(compiled)
