"""What past refreshes said of each customer, put together from what each of them changed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine, and_, func, select
from sqlalchemy.orm import aliased

from api.db.models import ModelVersion, PredictionHistory, RefreshRun

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PastRun:
    """A refresh and the models it scored with."""

    run_id: int
    as_of: dt.date
    churn_version: int
    churn_horizon_days: int
    clv_version: int
    clv_horizon_days: int


@dataclass(frozen=True)
class PastScores:
    """A row per customer; money in minor units."""

    customer_id: npt.NDArray[np.int64]
    churn_probability: Floats
    clv_minor: Floats
    clv_low_minor: Floats
    clv_high_minor: Floats


def list_runs(engine: Engine) -> list[PastRun]:
    """The last refresh of each business day, oldest first."""
    run, churn, clv = RefreshRun, aliased(ModelVersion), aliased(ModelVersion)
    last = select(func.max(run.id)).group_by(run.as_of)
    query = (
        select(
            run.id.label("run_id"),
            run.as_of,
            churn.version.label("churn_version"),
            churn.horizon_days.label("churn_horizon_days"),
            clv.version.label("clv_version"),
            clv.horizon_days.label("clv_horizon_days"),
        )
        .join(churn, churn.id == run.churn_model_id)
        .join(clv, clv.id == run.clv_model_id)
        .where(run.id.in_(last))
        .order_by(run.id)
    )
    with engine.connect() as connection:
        return [PastRun(**row._mapping) for row in connection.execute(query)]


def read_scores(engine: Engine, run_id: int) -> PastScores:
    """What stood published after a run: each customer's latest entry up to it."""
    table = PredictionHistory
    latest = (
        select(table.customer_id, func.max(table.run_id).label("run_id"))
        .where(table.run_id <= run_id)
        .group_by(table.customer_id)
        .subquery()
    )
    columns = [getattr(table, name) for name in PastScores.__dataclass_fields__]
    query = (
        select(*columns)
        .join(
            latest,
            and_(latest.c.customer_id == table.customer_id, latest.c.run_id == table.run_id),
        )
        .order_by(table.customer_id)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    customers = np.array([row[0] for row in rows], np.int64)
    numbers = np.array([tuple(row[1:]) for row in rows], np.float64).reshape(len(rows), 4)
    return PastScores(customers, *(numbers[:, place] for place in range(4)))
