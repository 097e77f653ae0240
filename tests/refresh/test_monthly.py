"""The numbers of each month: written with a refresh, the last of a month stands, exact."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from api.db.models import Customer, ImportBatch, MonthlyStatistic
from api.domain.monthly import MonthFacts, Parts, month_statistics
from ml.contracts import cutoff_of
from tests.refresh import business as parts
from tests.refresh.business import BUYERS, DAY, Business, Buyer

NEXT = dt.date(2026, 4, 20)
LATER = dt.datetime(2026, 4, 21, 6, tzinfo=dt.UTC)
Stored = dict[tuple[dt.date, str, str, str], Any]


def stored(engine: Engine) -> Stored:
    table = MonthlyStatistic
    with engine.connect() as connection:
        rows = connection.execute(select(table.__table__)).all()
    return {
        (row.month, row.dimension, row.key, row.measure): (
            row.number if row.whole is None else row.whole
        )
        for row in rows
    }


def add_batch(business: Business) -> None:
    """Something new, so that a refresh has something to do."""
    batch = {"kind": "customers", "source": "test", "arrived_at": LATER, "status": "done"}
    person = {"id": 99, "external_id": "new", "kind": "b2c", "known_at": LATER, "batch_id": 2}
    with business.engine.begin() as connection:
        connection.execute(insert(ImportBatch).values(id=2, **batch))
        connection.execute(insert(Customer), [person])


def test_a_refresh_writes_its_month_and_the_last_one_stands(business: Business) -> None:
    business.refresh()
    first = stored(business.engine)
    march = DAY.replace(day=1)
    assert {month for month, *_ in first} == {march}
    total = {name: value for (_, part, _, name), value in first.items() if part == "all"}
    assert total["customers"] == len(BUYERS)
    assert (total["buyers"], total["lost"]) == (2, 0)  # two bought in March; nobody moved yet
    assert total["clv"] == sum(each.clv_minor for each in BUYERS.values() if each.churn is not None)
    assert total["churn_probability"] == np.mean([0.05, 0.8, 0.3, 0.95])
    business.buyers[1] = Buyer(recency_days=1, churn=0.05, clv_minor=1, spend_minor=700)
    business.refresh(now=parts.NOW + dt.timedelta(hours=1))
    assert stored(business.engine) == first  # the same facts: nothing is published again


def test_parts_add_up_and_months_stay(business: Business) -> None:
    business.refresh()
    first = stored(business.engine)
    business.buyers[1] = Buyer(recency_days=300, orders=40, churn=0.99)
    business.refresh(NEXT, LATER)
    both = stored(business.engine)
    assert {key: value for key, value in both.items() if key[0] == DAY.replace(day=1)} == first
    april = NEXT.replace(day=1)
    assert both[april, "all", "", "lost"] >= 1
    for (month, part, _, name), value in both.items():
        if part == "all" and name != "churn_probability":
            for dimension in ("tier", "lifecycle_stage", "abc_class"):
                shares = [
                    whole
                    for (when, each, _, what), whole in both.items()
                    if (when, each, what) == (month, dimension, name)
                ]
                assert sum(shares) == value, (dimension, name)


def test_a_refresh_of_the_same_day_replaces_its_month(business: Business) -> None:
    business.refresh()
    business.buyers[1] = Buyer(recency_days=1, churn=0.05, clv_minor=1, spend_minor=700)
    add_batch(business)
    business.refresh(now=parts.NOW + dt.timedelta(hours=1))
    again = stored(business.engine)
    march = DAY.replace(day=1)
    assert again[march, "all", "", "clv"] == 1 + 150_000 + 30_000 + 100
    assert again[march, "all", "", "customers"] == len(BUYERS)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(-(2**55), 2**55), st.booleans()),
        min_size=1,
        max_size=40,
    )
)
def test_sums_are_exact_whatever_their_size(rows: list[tuple[str, int, bool]]) -> None:
    keys = ("a", "b", "c")
    division = Parts("tier", keys, np.array([keys.index(key) for key, _, _ in rows]))
    facts = MonthFacts(
        {"held": np.array([held for *_, held in rows])},
        {"money": np.array([minor for _, minor, _ in rows])},
        {"mean": np.array([float(held) if held else np.nan for *_, held in rows])},
    )
    found = {(each.measure, each.key): each for each in month_statistics(facts, [division])}
    for key in keys:
        mine = [(minor, held) for part, minor, held in rows if part == key]
        assert found["money", key].whole == sum(minor for minor, _ in mine)
        assert found["held", key].whole == sum(held for _, held in mine)
        assert found["mean", key].number == (1.0 if any(held for _, held in mine) else None)


def test_spend_of_the_month_comes_from_its_measure(business: Business, monkeypatch: Any) -> None:
    whole = business.score

    def score(store: Any, cutoff: int) -> parts.Scores:
        scores = whole(store, cutoff)
        spent = pa.array([100, 20, 3, None, 0], pa.int64())
        place = scores.measures.column_names.index("net_spend_month_minor")
        table = scores.measures.set_column(place, "net_spend_month_minor", spent)
        assert cutoff == cutoff_of(DAY, "UTC")
        return parts.Scores(table, scores.predictions)

    monkeypatch.setattr(business, "score", score)
    business.refresh()
    assert stored(business.engine)[DAY.replace(day=1), "all", "", "net_spend"] == 123
