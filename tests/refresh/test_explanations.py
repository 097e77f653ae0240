"""Stored decisions replay from what is stored with them, on any day, and say so when they don't."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from api.db.models import Base, Customer, TierAssignment, TierPolicyVersion
from api.domain.texts import LANGUAGES
from api.domain.texts.explanations import Words
from api.domain.tiers.explanations import NotReplayed
from api.domain.tiers.statements import statement
from api.errors import NotFound
from api.explanations import as_document, as_lines, explain_customer
from tests.refresh.business import BUYERS, DAY, NOW, Business

ONE_DAY = dt.timedelta(days=1)
GAP = {
    "tier": "gold",
    "conditions": [{"field": "clv", "op": "gte", "current": 30_001, "needed": 45_000}],
}


def explained(business: Business, customer: int = 3, day: dt.date | None = None) -> Words:
    return explain_customer(business.engine, f"C{customer}", day, "en")


def later(business: Business, days: int = 1) -> dt.date:
    day = DAY + days * ONE_DAY
    business.refresh(as_of=day, now=NOW + days * ONE_DAY)
    return day


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_decision_replays_and_is_told_in_words(business: Business, language: str) -> None:
    business.refresh()
    for key in BUYERS:
        words = explain_customer(
            business.engine, f"C{key}", None, "en" if language == "en" else "zh-Hans"
        )
        words.explanation.require_equal()
        document = json.loads(json.dumps(as_document(words)))
        assert document["replay"] == {"tier": document["tier"], "equal": True, "flaws": []}
        assert all(reason["text"] for reason in document["reasons"])
        assert document["models"] == ["churn/1", "clv/1"]
        assert document["policy"]["key"] == "default"
        assert document["run"]["asOf"] == DAY.isoformat()
        assert len(as_lines(words)) > 8
        assert words.tier(document["tier"]) in document["statement"]


def test_past_days_are_explained_by_what_was_decided_then(business: Business) -> None:
    business.refresh()
    before = as_document(explained(business, 1))
    business.buyers[1] = BUYERS[4]
    day = later(business)
    now, then = explained(business, 1), explained(business, 1, DAY)
    assert now.explanation.stored.tier != then.explanation.stored.tier
    assert then.explanation.stored.until == day
    assert as_document(then) | {"until": None} == before
    for words in (now, then):
        words.explanation.require_equal()
    with pytest.raises(NotFound, match=f"by {DAY - ONE_DAY}"):
        explained(business, 1, DAY - ONE_DAY)


def test_within_a_stay_the_latest_record_counts_from_its_day_on(business: Business) -> None:
    business.refresh()
    business.buyers[3] = replace(BUYERS[3], clv_minor=BUYERS[3].clv_minor + 100)
    day = later(business)
    assert explained(business, 3, DAY).explanation.stored.inputs["clv"] == 30_000
    assert explained(business, 3, day).explanation.stored.inputs["clv"] == 30_100
    assert explained(business, 3).explanation.stored.run.as_of == day


TAMPERED: list[tuple[type[Base], dict[str, Any], str]] = [
    (TierAssignment, {"tier_key": "diamond"}, "lead to"),
    (TierPolicyVersion, {"sha256": "x"}, "document has been changed"),
    (TierAssignment, {"gap_to_next": GAP}, "disagree about clv"),
    (TierAssignment, {"inputs": {}}, "incomplete"),
]


@pytest.mark.parametrize(("table", "values", "flaw"), TAMPERED)
def test_a_record_that_was_tampered_with_is_noticed(
    business: Business, table: type[Base], values: dict[str, Any], flaw: str
) -> None:
    business.refresh()
    explained(business).explanation.require_equal()
    with business.engine.begin() as connection:
        connection.execute(update(table).values(**values))
    with pytest.raises(NotReplayed, match=flaw):
        explained(business).explanation.require_equal()


def test_an_unknown_customer_and_one_without_a_decision_are_told_apart(business: Business) -> None:
    with pytest.raises(NotFound, match="No tier was decided"):
        explained(business)
    with pytest.raises(NotFound, match="no customer"):
        explained(business, 99)


def test_stored_columns_of_state_agree_with_the_reasons(business: Business) -> None:
    business.refresh()
    table = TierAssignment
    with business.engine.connect() as connection:
        rows = connection.execute(
            select(Customer.external_id, table.watch_since, table.watch_until).join(
                table, table.customer_id == Customer.id
            )
        ).all()
    for row in rows:
        held = explain_customer(business.engine, row.external_id, None, "en").explanation.held
        assert (row.watch_since is None) == (held is None)


def test_statements_name_the_data_and_no_numbers_of_ours(business: Business) -> None:
    business.refresh()
    told = statement(explained(business))
    assert "Only this was looked at" in told
    assert "Sensitive data, such as age or income, played no part" in told
    chinese = statement(explain_customer(business.engine, "C3", None, "zh-Hans"))
    assert "敏感信息未参与判定" in chinese
    assert "run" not in chinese
