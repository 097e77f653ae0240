"""A partner pulls every score twice over a real connection; the business publishes in between.

Nothing may be lost or come twice: not what was published before, not what was meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from api.app import utc_now
from api.db.keys import create_key
from api.db.models import Customer, Prediction
from bench.live import served
from tests.refresh.business import DAY, NOW, Business, Buyer, open_business

CUSTOMERS = 40
PAGE = 7
QUERY = """query ($first: Int!, $after: String) { riskScores(first: $first, after: $after) {
  edges { node { externalId revision deleted churnProbability } }
  pageInfo { hasNextPage endCursor } } }"""


@dataclass
class Partner:
    """What a partner keeps: the last score of each customer, and where to go on."""

    address: str
    key: str
    cursor: str | None = None
    scores: dict[str, float | None] = field(default_factory=dict)
    revisions: list[int] = field(default_factory=list)

    def pages(self) -> Iterator[int]:
        """Pull to the end; yields how many scores each page brought."""
        more = True
        while more:
            page = self._ask({"first": PAGE, "after": self.cursor})
            for node in (edge["node"] for edge in page["edges"]):
                self.revisions.append(node["revision"])
                gone = node["deleted"]
                self.scores[node["externalId"]] = None if gone else node["churnProbability"]
            self.cursor = page["pageInfo"]["endCursor"] or self.cursor
            more = page["pageInfo"]["hasNextPage"]
            yield len(page["edges"])

    def _ask(self, variables: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        body = {"query": QUERY, "variables": variables}
        answer = httpx.post(f"{self.address}/graphql", json=body, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert "errors" not in content, content
        return content["data"]["riskScores"]


def buyers() -> dict[int, Buyer]:
    return {key: Buyer(churn=key / 100, clv_minor=1_000 * key) for key in range(1, CUSTOMERS + 1)}


def published(engine: Engine) -> dict[str, float | None]:
    """What the database says now: the probability of each customer, none where it is gone."""
    kept = select(Customer.external_id, Prediction.churn_probability, Prediction.deleted).join(
        Prediction, Prediction.customer_id == Customer.id
    )
    with engine.connect() as connection:
        return {
            name: None if deleted else probability
            for name, probability, deleted in connection.execute(kept)
        }


@pytest.fixture
def business(engine: Engine, database_url: str, tmp_path: Path) -> Business:
    return open_business(engine, database_url, tmp_path / "facts", buyers())


def next_day(business: Business, days: int) -> None:
    """Some scores change, one customer is no longer scored, the rest stays."""
    for key in range(days, CUSTOMERS, 3):
        business.buyers[key] = Buyer(churn=0.5 + key / 100, clv_minor=2_000 * key)
    business.buyers[CUSTOMERS - days] = Buyer(churn=None)
    later = dt.timedelta(days=days)
    business.refresh(as_of=DAY + later, now=NOW + later)


def test_two_pulls_with_publishes_in_between_lose_nothing_and_bring_nothing_twice(
    business: Business, engine: Engine, database_url: str, tmp_path: Path
) -> None:
    business.refresh()
    key = create_key(engine, "partner", ["scores:read"], None, utc_now)
    # In a process of its own, as it is: what publishes has another copy of SQLite.
    with served(database_url, tmp_path) as address:
        partner = Partner(address, key)
        pull = partner.pages()
        assert next(pull) == PAGE
        next_day(business, 1)  # while the partner is on its first page
        for brought in pull:
            assert brought <= PAGE
        assert partner.scores == published(engine)

        first_pull = len(partner.revisions)
        next_day(business, 2)  # between the two pulls
        list(partner.pages())
        assert partner.scores == published(engine)
        assert 0 < len(partner.revisions) - first_pull < CUSTOMERS
        assert partner.scores["C38"] is None

        assert list(partner.pages()) == [0]
    assert partner.revisions == sorted(set(partner.revisions))
