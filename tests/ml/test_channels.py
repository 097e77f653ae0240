"""Channels: own contacts against everybody's, answers in time, and saying when nothing is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ml.contracts import DAY
from ml.errors import NotEnoughHistory
from ml.mining.channels import preferred_channels
from tests.ml.conftest import CUTOFF, write_rows

HOUR = 3600
SILENT = 500


class Shop:
    """Contacts as they happen; every customer is known from the first day."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def contact(
        self,
        customer: int,
        channel: str,
        direction: str,
        days_ago: float,
        waited: int | None = None,
    ) -> None:
        self.rows.append(
            {
                "interaction_id": len(self.rows) + 1,
                "customer_id": customer,
                "occurred_at": CUTOFF - 1 - int(days_ago * DAY),
                "channel": channel,
                "direction": direction,
                "kind": "call",
                "response_seconds": waited,
            }
        )

    def ranked(self, path: Path, **options: Any) -> dict[int, list[dict[str, Any]]]:
        known = sorted({row["customer_id"] for row in self.rows} | {SILENT})
        customers = [{"customer_id": each, "kind": "b2c", "known_at": 0} for each in known]
        store = write_rows(path, {"customers": customers, "interactions": self.rows}, attributes=())
        found: dict[int, list[dict[str, Any]]] = {}
        for row in preferred_channels(store, cutoff=CUTOFF, **options).to_pylist():
            found.setdefault(row["customer_id"], []).append({**row, **json.loads(row["evidence"])})
        return found


@pytest.fixture
def shop() -> Shop:
    """A hundred customers who write e-mails, and answer some of those they get within hours."""
    shop = Shop()
    for customer in range(1, 101):
        shop.contact(customer, "email", "inbound", 40 + customer % 7)
        shop.contact(customer, "email", "outbound", 60)
        shop.contact(customer, "phone", "outbound", 120)
        if customer % 2:
            shop.contact(customer, "email", "inbound", 60 - 6 / 24)
    return shop


def test_one_contact_does_not_decide_and_many_do(shop: Shop, tmp_path: Path) -> None:
    shop.contact(201, "phone", "inbound", 5)
    for days_ago in (5, 15, 25, 35, 45, 55):
        shop.contact(202, "phone", "inbound", days_ago)
    found = shop.ranked(tmp_path)
    assert found[201][0]["channel"] == "email"
    best = found[202][0]
    assert (best["channel"], best["code"]) == ("phone", "comes_by")
    assert best["params"] == {"inbound": 6, "contacts": 6}


def test_recent_contacts_weigh_more(shop: Shop, tmp_path: Path) -> None:
    for each in range(12):
        shop.contact(203, "email", "inbound", 800 + each)
        shop.contact(203, "phone", "inbound", 1 + each)
        shop.contact(204, "phone", "inbound", 800 + each)
        shop.contact(204, "email", "inbound", 1 + each)
    found = shop.ranked(tmp_path)
    assert found[203][0]["channel"] == "phone"
    assert found[204][0]["channel"] == "email"


def test_answers_count_and_come_with_their_hours(shop: Shop, tmp_path: Path) -> None:
    for days_ago in (30, 60, 90, 120):
        shop.contact(205, "phone", "outbound", days_ago, waited=2 * HOUR)
        shop.contact(205, "email", "outbound", days_ago + 15)
    phone = next(row for row in shop.ranked(tmp_path)[205] if row["channel"] == "phone")
    assert phone["code"] == "answers"
    assert phone["params"] == {"answered": 4, "sent": 4, "hours": 2.0}
    email = next(row for row in shop.ranked(tmp_path / "again")[205] if row["channel"] == "email")
    assert (email["code"], email["params"]) == ("never_answered", {"sent": 4})
    assert phone["score"] > next(
        row["score"] for row in shop.ranked(tmp_path / "third")[SILENT] if row["channel"] == "phone"
    )


def test_an_answer_is_a_contact_within_two_weeks(shop: Shop, tmp_path: Path) -> None:
    shop.contact(206, "sms", "outbound", 50)
    shop.contact(206, "email", "inbound", 47)
    shop.contact(207, "sms", "outbound", 50)
    shop.contact(207, "email", "inbound", 30)
    shop.contact(208, "sms", "outbound", 3)  # may still be answered
    found = shop.ranked(tmp_path)
    sms = {
        who: next(row for row in found[who] if row["channel"] == "sms") for who in (206, 207, 208)
    }
    assert (sms[206]["code"], sms[206]["params"]["hours"]) == ("answers", 72.0)
    assert (sms[207]["code"], sms[207]["params"]) == ("never_answered", {"sent": 1})
    assert sms[208]["code"] == "usual"
    assert sms[206]["score"] > sms[208]["score"] > sms[207]["score"]


def test_who_is_silent_gets_what_works_with_everybody(shop: Shop, tmp_path: Path) -> None:
    rows = shop.ranked(tmp_path, top=2)[SILENT]
    assert [(row["rank"], row["channel"], row["code"]) for row in rows] == [
        (1, "email", "usual"),
        (2, "phone", "usual"),
    ]
    assert sum(row["score"] for row in rows) == pytest.approx(1.0, abs=1e-5)


def test_contacts_after_the_cutoff_are_not_seen(shop: Shop, tmp_path: Path) -> None:
    before = shop.ranked(tmp_path / "before")
    for each in range(5):
        shop.contact(1, "phone", "inbound", -1 - each)
    assert shop.ranked(tmp_path / "after") == before


def test_only_mailings_or_only_calls_are_enough(tmp_path: Path) -> None:
    mailed, called = Shop(), Shop()
    for customer in range(1, 30):
        mailed.contact(customer, "mail", "outbound", 50)
        mailed.contact(customer, "email", "outbound", 70, waited=HOUR if customer % 3 else None)
        called.contact(customer, "phone" if customer % 3 else "web", "inbound", 20)
    assert mailed.ranked(tmp_path / "mailed")[SILENT][0]["channel"] == "email"
    assert called.ranked(tmp_path / "called")[SILENT][0]["channel"] == "phone"


def test_a_business_without_contacts_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughHistory, match="No contacts known"):
        Shop().ranked(tmp_path)
