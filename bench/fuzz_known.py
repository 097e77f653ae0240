"""Values that a live server knows, asked from itself, and the documents that ship with Echelon."""

from __future__ import annotations

from typing import Any

import httpx

from api.documents import POLICIES, read_document
from bench.fuzz_shapes import Known

QUESTION = """{
  customers(first: 40) { edges { cursor node { id externalId } } }
  riskScores(first: 5) { edges { cursor } }
  segments { key } strategies { key } classifications { key values { value } }
  tiers { key } tierPolicies { key } fields { name }
  openCases: customerCases(kind: RETENTION, first: 5) { edges { cursor node { id } } }
}"""
DAYS = ("2025-03-01", "2025-12-31", "2026-01-01", "2026-02-28", "2026-03-31", "2026-11-30")
POLICY_FILES = ("default", "retail-rfm", "bank-assets", "b2b-credit", "weighted-abc")
RULES: tuple[Any, ...] = (
    {"clv": {"gte": 100}},
    {"all": [{"churn_probability": {"gte": 0.3}}, {"not": {"segment": "champions"}}]},
    {"any": [{"recency_days": {"between": [5, 50]}}, {"class.value_class": "high"}]},
)


def known_values(client: httpx.Client, url: str) -> Known:
    """By the argument, input field or scalar they fit."""
    answer = client.post(url, json={"query": QUESTION}).json()
    if "errors" in answer:
        raise SystemExit(f"The server does not say what it knows: {answer['errors']}")
    data = answer["data"]
    customers = data["customers"]["edges"]
    cases = data["openCases"]["edges"]
    externals = [edge["node"]["externalId"] for edge in customers]
    ids = [edge["node"]["id"] for edge in [*customers, *cases]]
    cursors = [edge["cursor"] for edge in [*customers, *data["riskScores"]["edges"], *cases]]
    classes = data["classifications"]
    keys = {name: _keys(data[name]) for name in ("segments", "strategies", "tiers", "tierPolicies")}
    class_values = [row["value"] for each in classes for row in each["values"]]
    return {
        "id": ids,
        "ids": ids,
        "customerId": ids,
        "externalId": externals,
        "externalIds": externals,
        "after": cursors,
        "before": cursors,
        "key": [key for each in keys.values() for key in each] + _keys(classes),
        "segment": keys["segments"],
        "strategy": keys["strategies"],
        "tier": keys["tiers"],
        "classification": _keys(classes),
        "from": class_values,
        "to": class_values,
        "Date": DAYS,
        "field": [each["name"] for each in data["fields"]],
        "policy": [read_document(POLICIES / f"{name}.yaml") for name in POLICY_FILES],
        "rule": RULES,
        "document": _documents(),
    }


def _keys(rows: Any) -> list[str]:
    return [row["key"] for row in rows or ()]


def _documents() -> list[Any]:
    """Segments, strategies, classifications, the plan of resources."""
    found: list[Any] = [read_document(POLICIES / "resources.yaml")]
    for name in ("segments", "strategies", "classes"):
        found += read_document(POLICIES / f"{name}.yaml")
    return found
