"""What was published is put together again from what each refresh changed, and then judged."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import delete

from api.db.champions import ModelRecord, list_known, list_promotions, record_model
from api.db.models import Customer
from api.db.published import list_runs, read_scores
from api.drift import examine_drift
from api.errors import InvalidInput, NotReady
from api.settings import Settings
from tests.refresh.business import DAY, NOW, Business

ONE_DAY = dt.timedelta(days=1)


def probabilities(business: Business, run_id: int) -> dict[int, float]:
    scores = read_scores(business.engine, run_id)
    return dict(zip(scores.customer_id.tolist(), scores.churn_probability.tolist(), strict=True))


def test_each_run_shows_everyone_as_published_then(business: Business) -> None:
    business.refresh()
    business.buyers[3] = replace(business.buyers[3], churn=0.9, clv_minor=7)
    business.refresh(as_of=DAY + ONE_DAY, now=NOW + ONE_DAY)
    first, second = list_runs(business.engine)
    assert (first.as_of, second.as_of) == (DAY, DAY + ONE_DAY)
    assert (first.churn_version, first.clv_version) == (1, 1)
    assert (first.churn_horizon_days, first.clv_horizon_days) == (28, 28)
    before = {1: 0.05, 2: 0.8, 3: 0.3, 4: 0.95}
    assert probabilities(business, first.run_id) == before
    assert probabilities(business, second.run_id) == before | {3: 0.9}
    scores = read_scores(business.engine, second.run_id)
    assert scores.clv_minor.tolist() == [300_000, 150_000, 7, 100]
    assert scores.clv_high_minor.tolist()[2] == 14


def test_a_day_published_twice_counts_as_it_stood_in_the_end(business: Business) -> None:
    business.refresh()
    record = ModelRecord("churn", 2, "run", 14, DAY, NOW, {"model": "1" * 64}, {})
    record_model(business.engine, record, champion=True)
    business.refresh(now=NOW + dt.timedelta(hours=1))
    (run,) = list_runs(business.engine)
    assert (run.churn_version, run.churn_horizon_days) == (2, 14)


def test_an_erased_customer_is_in_no_past_run(business: Business) -> None:
    business.refresh()
    with business.engine.begin() as connection:
        connection.execute(delete(Customer).where(Customer.id == 5))
    (run,) = list_runs(business.engine)
    assert 5 not in probabilities(business, run.run_id)
    assert read_scores(business.engine, run.run_id - 1).customer_id.tolist() == []


def test_promotions_are_kept_on_both_databases(business: Business) -> None:
    verdict = {"promote": True, "why": "Not worse.", "against": 1, "findings": []}
    record = ModelRecord("churn", 2, "run", 28, DAY, NOW, {"model": "1" * 64}, {}, verdict)
    record_model(business.engine, record, champion=True)
    changes = list_promotions(business.engine, "churn")
    assert [(each.version, each.previous_version) for each in changes] == [(1, None), (2, 1)]
    assert (changes[1].action, changes[1].reason, changes[1].at) == ("promote", "Not worse.", NOW)
    known = {(each.name, each.version): each for each in list_known(business.engine)}
    assert known["churn", 2].verdict == verdict
    assert known["churn", 1].verdict is None


def test_drift_needs_champions_and_a_day_after_their_training(
    business: Business, settings: Settings
) -> None:
    def look(as_of: dt.date) -> None:
        examine_drift(
            business.engine, settings, as_of=as_of, clock=lambda: NOW, progress=lambda *_: None
        )

    with pytest.raises(InvalidInput, match="lies before 2026-03-31"):
        look(DAY - ONE_DAY)
    with business.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE model_versions SET champion = false WHERE name = 'clv'")
    with pytest.raises(NotReady, match="echelon train clv"):
        look(DAY)
