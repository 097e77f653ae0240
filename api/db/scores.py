"""Published predictions: by customer, and as the feed that partners follow by revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Text, cast, func, or_, select
from sqlalchemy.orm import aliased

from api.db.models import Customer, ModelVersion, Prediction, RefreshRun
from api.db.pages import Page, PageRequest, SortKey, read_page
from api.db.snapshots import Query, Record, Snapshot

BY_REVISION = (SortKey(Prediction.__table__.c.revision),)
CHURN_MODEL = aliased(ModelVersion)
CLV_MODEL = aliased(ModelVersion)


REASONS = ("churn_reasons", "clv_reasons")


def _scores() -> Query:
    """Predictions with the versions of the models that made them.

    Reasons come as JSON text: a page of thousands is read often, its reasons seldom.
    """
    columns = Prediction.__table__.columns
    return (
        select(
            *(column for column in columns if column.name not in REASONS),
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


async def score_page(snapshot: Snapshot, where: ColumnElement[bool], request: PageRequest) -> Page:
    """Scores in the order in which they were published; tombstones whatever the condition."""
    statement = (
        _scores()
        .add_columns(Customer.external_id)
        .join(Customer, Customer.id == Prediction.customer_id)
        .where(_delivered(where))
    )
    return await read_page(snapshot, statement, BY_REVISION, request)


async def count_scores(snapshot: Snapshot, where: ColumnElement[bool]) -> int:
    statement = select(func.count()).select_from(Prediction).where(_delivered(where))
    return int((await snapshot.rows(statement))[0][0])


def _delivered(where: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(Prediction.deleted, where)


async def any_scores(snapshot: Snapshot) -> bool:
    return bool(await snapshot.rows(select(Prediction.customer_id).limit(1)))
