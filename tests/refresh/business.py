"""A small business whose scoring is played by hand, so that decisions have known inputs."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine, insert

from api.db.champions import ModelRecord, list_known, record_model
from api.db.models import Customer, ImportBatch, Order, OrderLine
from api.documents import install_shipped_documents
from api.looking_back import LookingBack
from api.refresh import Champion, Champions, RefreshReport, refresh
from ml.contracts import MEASURE_COLUMNS
from ml.facts import arrow_schema

DAY = dt.date(2026, 3, 31)
NOW = dt.datetime(2026, 4, 1, 6, 0, tzinfo=dt.UTC)
SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Buyer:
    """What scoring says about a customer; `churn` None is a prospect without a prediction."""

    recency_days: float = 10.0
    orders: int = 5
    spend_minor: int = 50_000
    churn: float | None = 0.1
    clv_minor: int = 40_000


@dataclass(frozen=True)
class Scores:
    measures: pa.Table
    predictions: pa.Table


def measures_of(buyers: dict[int, Buyer], cutoff: int) -> pa.Table:
    bought = [buyer if buyer.churn is not None else None for buyer in buyers.values()]
    spend = pa.array([b.spend_minor if b else 0 for b in bought], pa.int64())
    last = [b and cutoff - int(b.recency_days * SECONDS_A_DAY) for b in bought]
    return with_all_measures(
        {
            "customer_id": pa.array(buyers, pa.int64()),
            "recency_days": pa.array([b and b.recency_days for b in bought], pa.float64()),
            "order_count": pa.array([b.orders if b else 0 for b in bought], pa.int64()),
            "net_spend_minor": spend,
            "net_spend_365d_minor": spend,
            "tenure_days": pa.array([b and 300.0 for b in bought], pa.float64()),
            "mean_gap_days": pa.array([b and 12.0 for b in bought], pa.float64()),
            "interaction_count": pa.array([0 for _ in bought], pa.int64()),
            "first_order_at": pa.array(
                [b and cutoff - 300 * SECONDS_A_DAY for b in bought], pa.int64()
            ),
            "last_order_at": pa.array(last, pa.int64()),
        }
    )


def with_all_measures(columns: dict[str, pa.Array]) -> pa.Table:
    """The measures a test gives, and all others as if there were nothing to measure."""
    rows = len(columns["customer_id"])
    return pa.table(
        {
            field.name: columns[field.name] if field.name in columns else pa.nulls(rows, field.type)
            for field in arrow_schema(MEASURE_COLUMNS)
        }
    )


def predictions_of(buyers: dict[int, Buyer], cutoff: int) -> pa.Table:
    scored = {key: buyer for key, buyer in buyers.items() if buyer.churn is not None}
    values = [buyer.clv_minor for buyer in scored.values()]
    reason = json.dumps([{"code": "recency_days", "value": 10.0, "effect": 0.5}])
    return pa.table(
        {
            "customer_id": pa.array(scored, pa.int64()),
            "churn_probability": pa.array([b.churn for b in scored.values()], pa.float64()),
            "clv_minor": pa.array(values, pa.int64()),
            "clv_low_minor": pa.array([value // 2 for value in values], pa.int64()),
            "clv_high_minor": pa.array([value * 2 for value in values], pa.int64()),
            "expected_next_purchase_at": pa.array(
                [cutoff + 12 * SECONDS_A_DAY for _ in scored], pa.int64()
            ),
            "churn_reasons": pa.array([reason for _ in scored], pa.string()),
            "clv_reasons": pa.array([reason for _ in scored], pa.string()),
        }
    )


@dataclass
class Business:
    """Customers 1..n, each with one order in the database; `buyers` is what scoring returns."""

    engine: Engine
    url: str
    store: Path
    buyers: dict[int, Buyer] = field(default_factory=dict)
    past: LookingBack | None = None

    def score(self, _store: Path, cutoff: int) -> Scores:
        return Scores(measures_of(self.buyers, cutoff), predictions_of(self.buyers, cutoff))

    def refresh(self, as_of: dt.date = DAY, now: dt.datetime = NOW) -> RefreshReport:
        models = {model.name: model for model in list_known(self.engine) if model.champion}
        churn, clv = (
            Champion(models[name].row_id, f"{name}/{models[name].version}", 28, models[name].files)
            for name in ("churn", "clv")
        )
        champions = Champions(churn, clv, self.score, self.past)
        return refresh(self.engine, self.url, self.store, champions, as_of=as_of, clock=lambda: now)


def open_business(engine: Engine, url: str, store: Path, buyers: dict[int, Buyer]) -> Business:
    """Customers in the database, shipped documents installed, models on record."""
    put_in(engine, buyers)
    return Business(engine, url, store, dict(buyers))


def put_in(engine: Engine, buyers: dict[int, Buyer]) -> None:
    known = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
    with engine.begin() as connection:
        batch = {"kind": "customers", "source": "test", "arrived_at": known, "status": "done"}
        connection.execute(insert(ImportBatch).values(id=1, **batch))
        people = [
            {"id": key, "external_id": f"C{key}", "kind": "b2c", "known_at": known, "batch_id": 1}
            for key in buyers
        ]
        connection.execute(insert(Customer), people)
        orders = [
            {"id": key, "external_id": f"O{key}", "customer_id": key, "ordered_at": known}
            for key in buyers
        ]
        connection.execute(insert(Order), [order | {"batch_id": 1} for order in orders])
        line = {"line_no": 1, "quantity_milli": 1000, "amount_minor": 1000, "discount_minor": 0}
        connection.execute(
            insert(OrderLine), [line | {"order_id": key, "batch_id": 1} for key in buyers]
        )
    for name in ("churn", "clv"):
        record = ModelRecord(name, 1, "run", 28, DAY, known, {"model": "0" * 64}, {})
        record_model(engine, record, champion=True)
    install_shipped_documents(engine, known)


BUYERS = {
    1: Buyer(recency_days=2, orders=40, spend_minor=900_000, churn=0.05, clv_minor=300_000),
    2: Buyer(recency_days=60, orders=30, spend_minor=700_000, churn=0.8, clv_minor=150_000),
    3: Buyer(recency_days=15, orders=8, spend_minor=90_000, churn=0.3, clv_minor=30_000),
    4: Buyer(recency_days=150, orders=1, spend_minor=2_000, churn=0.95, clv_minor=100),
    5: Buyer(churn=None),
}
