"""The partner feed: who gets a new revision, and who leaves a tombstone."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, text

from api.db.champions import ModelRecord, record_model
from api.db.models import Prediction
from tests.refresh.business import DAY, NOW, Business, Buyer


def test_only_customers_whose_prediction_changed_get_a_new_revision(business: Business) -> None:
    business.refresh()
    with business.engine.begin() as connection:
        before = dict(connection.execute(select(Prediction.customer_id, Prediction.revision)).all())
        connection.execute(text("UPDATE installation SET facts_epoch = facts_epoch + 1"))
    business.buyers[3] = Buyer(churn=0.31, recency_days=15, orders=8, spend_minor=90_000)
    business.refresh(now=NOW + dt.timedelta(hours=1))
    with business.engine.connect() as connection:
        after = dict(connection.execute(select(Prediction.customer_id, Prediction.revision)).all())
    assert after[3] > max(before.values())
    assert {key: after[key] for key in (1, 2, 4)} == {key: before[key] for key in (1, 2, 4)}


def test_a_new_champion_publishes_under_its_own_name_even_with_equal_numbers(
    business: Business,
) -> None:
    business.refresh()
    with business.engine.connect() as connection:
        before = dict(connection.execute(select(Prediction.customer_id, Prediction.revision)).all())
    record = ModelRecord("churn", 2, "run", 28, DAY, NOW, {"model": "1" * 64}, {})
    record_model(business.engine, record, champion=True)
    assert business.refresh(now=NOW + dt.timedelta(hours=1)).counts["predictions"] == len(before)
    with business.engine.connect() as connection:
        after = dict(connection.execute(select(Prediction.customer_id, Prediction.revision)).all())
    assert min(after.values()) > max(before.values())


def test_a_customer_without_a_score_leaves_a_tombstone(business: Business) -> None:
    business.refresh()
    business.buyers[2] = Buyer(churn=None)
    business.refresh(as_of=DAY + dt.timedelta(days=1), now=NOW + dt.timedelta(days=1))
    with business.engine.connect() as connection:
        revisions = dict(
            connection.execute(select(Prediction.customer_id, Prediction.revision)).all()
        )
        deleted = connection.scalars(select(Prediction.customer_id).where(Prediction.deleted)).all()
    assert deleted == [2]
    assert revisions[2] == max(revisions.values())
