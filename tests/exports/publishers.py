"""Processes that change the score feed at the same time: refreshes, and customers' words."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import pyarrow as pa

from api.db.bulk import bulk_connection
from api.db.consents import Word, record_word
from api.db.engine import make_engine
from api.db.publish import Publisher, RunRecord
from api.db.writes import writing
from api.domain.risk import percentiles, risk_bands
from tests.api.seed import DAY

START = dt.datetime(2026, 4, 2, tzinfo=dt.UTC)
UTC = pa.timestamp("us", "UTC")


def scores(customers: int, generator: np.random.Generator) -> pa.Table:
    """What one refresh may say: nothing of some, and of most the same as ever."""
    ids = np.arange(1, customers + 1)
    ids = ids[generator.random(customers) < 0.9]
    size = len(ids)
    churn = np.where(generator.random(size) < 0.3, generator.integers(0, 100, size) / 100, 0.4)
    money = pa.array((churn * 1_000).astype(np.int64))
    return pa.table(
        {
            "customer_id": pa.array(ids, pa.int64()),
            "churn_probability": pa.array(churn),
            "churn_percentile": pa.array(percentiles(churn)),
            "risk_band": pa.array(risk_bands(churn), pa.string()),
            **dict.fromkeys(("clv_minor", "clv_low_minor", "clv_high_minor"), money),
            "horizon_days": pa.repeat(pa.scalar(28, pa.int64()), size),
            "clv_horizon_days": pa.repeat(pa.scalar(90, pa.int64()), size),
            "expected_next_purchase_on": pa.nulls(size, pa.date32()),
            "as_of": pa.repeat(pa.scalar(DAY, pa.date32()), size),
            "scored_at": pa.repeat(pa.scalar(START, UTC), size),
            "valid_until": pa.repeat(pa.scalar(START, UTC), size),
            "churn_reasons": pa.repeat("[]", size),
            "clv_reasons": pa.repeat("[]", size),
            "deleted": pa.repeat(pa.scalar(False), size),
        }
    )


def publish_often(url: str, customers: int, times: int, seed: int) -> None:
    """One transaction each time, as a refresh has."""
    generator = np.random.default_rng(seed)
    dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
    for _ in range(times):
        with bulk_connection(url) as connection:
            run = RunRecord(DAY, START, f"{seed}", 1, 2, 1)
            Publisher(connection, dialect, run).publish_scores(scores(customers, generator))
            connection.commit()


def speak_often(url: str, customers: int, times: int, seed: int) -> None:
    """Customers take their consent back, and give it again."""
    chosen = random.Random(seed)  # noqa: S311 - a seeded one is meant
    engine = make_engine(url)
    for turn in range(times):
        customer, granted = chosen.randint(1, customers), chosen.random() < 0.5
        moment = START + dt.timedelta(minutes=turn)
        with writing(engine) as connection:
            word = Word(customer, "profiling", "any", moment, granted, None)
            record_word(connection, word, "test", moment)
    engine.dispose()
