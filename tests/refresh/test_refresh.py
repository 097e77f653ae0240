"""A refresh publishes once, writes only what changed, and is the same when run again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from api.db import publish
from api.db.catalogue import read_catalogue
from api.db.document_versions import Change
from api.db.installation import read_installation
from api.db.locks import exclusive
from api.db.models import Base, Prediction, SegmentMembership, TierAssignment
from api.db.policies import put_in_force
from api.db.writes import writing
from api.errors import Conflict, InvalidInput
from api.refresh import ROOT, code_sha256
from tests.refresh.business import BUYERS, DAY, NOW, Business, Buyer


def rows(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        columns = Base.metadata.tables[table].columns
        return sorted((tuple(row) for row in connection.execute(select(*columns))), key=str)


def published(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    tables = (
        "customer_profiles",
        "predictions",
        "tier_assignments",
        "segment_memberships",
        "recommendations",
        "class_changes",
        "prediction_history",
        "refresh_runs",
    )
    return {table: rows(engine, table) for table in tables}


def test_everyone_gets_a_profile_and_buyers_a_prediction(business: Business) -> None:
    report = business.refresh()
    assert (report.customers, report.scored) == (5, 4)
    with business.engine.connect() as connection:
        scored = connection.execute(
            select(Prediction.customer_id, Prediction.churn_percentile, Prediction.risk_band)
        ).all()
        assert {row.customer_id: row.churn_percentile for row in scored} == {
            1: 25,
            3: 50,
            2: 75,
            4: 100,
        }
        assert {row.customer_id: row.risk_band for row in scored} == {
            1: "low",
            3: "medium",
            2: "high",
            4: "high",
        }
        tiers = dict(
            connection.execute(select(TierAssignment.customer_id, TierAssignment.tier_key)).all()
        )
    assert tiers[1] != tiers[4]


def test_a_second_refresh_on_the_same_inputs_changes_nothing(business: Business) -> None:
    business.refresh()
    before = published(business.engine)
    report = business.refresh(now=NOW + dt.timedelta(hours=1))
    assert report.unchanged
    assert published(business.engine) == before


def test_a_tier_change_ends_one_stay_and_begins_another(business: Business) -> None:
    business.refresh()
    business.buyers[1] = BUYERS[4]
    later = DAY + dt.timedelta(days=1)
    business.refresh(as_of=later, now=NOW + dt.timedelta(days=1))
    with business.engine.connect() as connection:
        stays = connection.execute(
            select(TierAssignment.since, TierAssignment.ended_on)
            .where(TierAssignment.customer_id == 1)
            .order_by(TierAssignment.id)
        ).all()
    assert [tuple(stay) for stay in stays] == [(DAY, later), (later, None)]


def test_members_who_no_longer_match_leave_their_segment(business: Business) -> None:
    business.refresh()
    business.buyers = dict.fromkeys(BUYERS, Buyer(churn=None))
    later = DAY + dt.timedelta(days=1)
    business.refresh(as_of=later, now=NOW + dt.timedelta(days=1))
    with business.engine.connect() as connection:
        left = connection.scalars(
            select(SegmentMembership.left_on).where(SegmentMembership.left_on.is_not(None))
        ).all()
    assert left
    assert set(left) == {later}


def test_a_publish_that_breaks_off_leaves_what_was_published(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    business.refresh()
    before = published(business.engine)
    business.buyers[1] = BUYERS[4]
    later, then = DAY + dt.timedelta(days=1), NOW + dt.timedelta(days=1)

    class PowerCut(Exception):
        pass

    def cut(*_: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(publish.Publisher, "_recommendations", cut)
        with pytest.raises(PowerCut):
            business.refresh(as_of=later, now=then)
    assert published(business.engine) == before
    assert not business.refresh(as_of=later, now=then).unchanged


def test_two_refreshes_at_once_are_refused(business: Business) -> None:
    with (
        exclusive(business.engine, "refresh"),
        pytest.raises(Conflict, match="Another refresh is running"),
    ):
        business.refresh()


def test_days_that_are_not_over_or_lie_before_the_published_one_are_refused(
    business: Business,
) -> None:
    with pytest.raises(InvalidInput, match="is not over yet"):
        business.refresh(as_of=NOW.date())
    business.refresh()
    with pytest.raises(InvalidInput, match="is published already"):
        business.refresh(as_of=DAY - dt.timedelta(days=1))


def refresh_again(business: Business, as_of: dt.date) -> None:
    """Once more on a day that is published already, after a correction of a fact."""
    with business.engine.begin() as connection:
        connection.execute(text("UPDATE installation SET facts_epoch = facts_epoch + 1"))
    business.refresh(as_of=as_of, now=NOW + dt.timedelta(days=1))


HISTORIES = {
    "tier_assignments": "customer_id, tier_key, since, ended_on",
    "segment_memberships": "customer_id, segment_id, entered_on, left_on",
    "class_changes": "customer_id, classification, changed_on, previous, current",
    "customer_profiles": "customer_id, lifecycle_stage, lifecycle_since",
}


def histories(engine: Engine) -> dict[str, set[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            table: {tuple(row) for row in connection.execute(text(f"SELECT {names} FROM {table}"))}
            for table, names in HISTORIES.items()
        }


def test_a_day_has_one_outcome_however_often_it_is_refreshed(business: Business) -> None:
    business.refresh()
    first_day = histories(business.engine)
    business.buyers[1] = BUYERS[3]
    refresh_again(business, DAY)
    assert not histories(business.engine)["class_changes"]
    business.buyers[1] = BUYERS[1]
    refresh_again(business, DAY)
    assert histories(business.engine) == first_day

    later = DAY + dt.timedelta(days=1)
    business.buyers[1] = BUYERS[4]
    refresh_again(business, later)
    once = histories(business.engine)
    assert {row[1] for row in once["class_changes"]} >= {"lifecycle_stage", "rfm_group"}
    for passing in (BUYERS[3], BUYERS[2], Buyer(churn=None)):
        business.buyers[1] = passing
        refresh_again(business, later)
    business.buyers[1] = BUYERS[4]
    refresh_again(business, later)
    assert histories(business.engine) == once

    business.buyers[1] = BUYERS[1]
    refresh_again(business, later)
    assert histories(business.engine) == first_day


def test_who_comes_back_loses_the_tombstone_and_keeps_the_past(business: Business) -> None:
    business.refresh()
    days = [DAY + dt.timedelta(days=each) for each in (1, 2)]
    customer = business.buyers.pop(2)
    business.refresh(as_of=days[0], now=NOW + dt.timedelta(days=1))
    for table in ("customer_profiles", "recommendations"):
        assert 2 not in {row[0] for row in rows(business.engine, table)}
    business.buyers[2] = customer
    business.refresh(as_of=days[1], now=NOW + dt.timedelta(days=2))
    with business.engine.connect() as connection:
        revisions = connection.scalars(select(Prediction.revision)).all()
        counted = connection.scalar(text("SELECT last_revision FROM installation"))
        back = connection.execute(select(Prediction).where(Prediction.customer_id == 2)).one()
        stays = connection.execute(
            select(TierAssignment.since, TierAssignment.ended_on)
            .where(TierAssignment.customer_id == 2)
            .order_by(TierAssignment.id)
        ).all()
    assert not back.deleted
    assert len(set(revisions)) == len(revisions)
    assert max(revisions) == counted
    assert [tuple(stay) for stay in stays] == [(DAY, days[0]), (days[1], None)]


@pytest.mark.parametrize("missing", [("segments",), ("strategies",), ("segments", "strategies")])
def test_a_business_may_have_no_segments_and_no_strategies(
    business: Business, missing: tuple[str, ...]
) -> None:
    with business.engine.begin() as connection:
        for table in missing:
            connection.execute(text(f"DELETE FROM {table}"))
    assert business.refresh().customers == 5


@pytest.mark.parametrize("buyers", [{}, {5: Buyer(churn=None)}])
def test_nobody_to_decide_on_is_no_failure(business: Business, buyers: dict[int, Buyer]) -> None:
    business.buyers = buyers
    report = business.refresh()
    assert (report.customers, report.scored) == (len(buyers), 0)


def test_every_input_leads_to_another_refresh(business: Business) -> None:
    business.refresh()
    assert business.refresh().unchanged
    for change in (
        "UPDATE installation SET score_validity_days = score_validity_days + 1",
        "UPDATE model_versions SET files = '{\"model\": \"1\"}' WHERE name = 'clv'",
        "UPDATE segments SET rule = '{\"tenure_days\": {\"lte\": 61}}' WHERE key = 'new_customers'",
        "UPDATE strategies SET active = FALSE WHERE key = 'basic_upkeep'",
        # An import, even one of a region or an exchange rate, is a batch.
        "INSERT INTO import_batches (id, kind, source, arrived_at, status, rows_added, "
        "rows_changed) VALUES (2, 'customers', 'test', '2026-03-01 00:00:00', 'done', 0, 1)",
        "UPDATE installation SET facts_epoch = facts_epoch + 1",
    ):
        with business.engine.begin() as connection:
            connection.execute(text(change))
        assert not business.refresh().unchanged, change
        assert business.refresh().unchanged, change
    policy = dict(read_catalogue(business.engine).policy)
    installation = read_installation(business.engine)
    with writing(business.engine) as connection:
        renamed = policy | {"name": {"en": "New", "zh": "新"}}
        put_in_force(connection, renamed, installation, Change("test", NOW))
    assert not business.refresh().unchanged


def test_the_code_is_an_input(tmp_path: Path) -> None:
    assert code_sha256(ROOT) == code_sha256(ROOT)
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "churn.py").write_text("MIN_ROWS = 1")
    before = code_sha256(tmp_path)
    (tmp_path / "ml" / "churn.py").write_text("MIN_ROWS = 2")
    assert code_sha256(tmp_path) != before
