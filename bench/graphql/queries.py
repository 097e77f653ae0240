"""The three standard queries, as each server spells them; their answers must be equal JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Variables = Mapping[str, Any]

ECHELON_CUSTOMER = """query ($id: ID!) { customer(id: $id) { id externalId
  attributes { name value }
  tier { tier since reasons { code text } }
  prediction { churnProbability clv clvLow clvHigh modelVersion asOf reasons { code text } }
  segments { key name }
  recommendedStrategies(first: 5) { strategy { key name } priority reasons { code text } }
  tierHistory(first: 10) { edges { node { tier since } } }
  orders(first: 10) { edges { node { externalId orderedAt total } } } } }"""
PEER_CUSTOMER = """query ($id: String!) { customer: customerByGid(gid: $id) { id: gid externalId
  attributes: attributesByCustomerIdList(orderBy: NAME_ASC) { name value }
  tier: tierByCustomerId { tier since
    reasons: tierReasonsByCustomerIdList(orderBy: PLACE_ASC) { code text } }
  prediction: predictionByCustomerId { churnProbability clv clvLow clvHigh modelVersion asOf
    reasons: predictionReasonsByCustomerIdList(orderBy: PLACE_ASC) { code text } }
  segments: membershipsByCustomerIdList(orderBy: KEY_ASC) { key name }
  recommendedStrategies: recommendationsByCustomerIdList(orderBy: PRIORITY_ASC, first: 5) {
    strategy: strategyByStrategyId { key name } priority
    reasons: recommendationReasonsByCustomerIdAndPriorityList(orderBy: PLACE_ASC) { code text } }
  tierHistory: tierStaysByCustomerId(orderBy: [SINCE_DESC, STAY_DESC], first: 10) {
    edges { node { tier since } } }
  orders: ordersByCustomerId(orderBy: [ORDERED_AT_DESC, NUMBER_DESC], first: 10) {
    edges { node { externalId orderedAt total } } } } }"""

ECHELON_PAGE = """query ($least: Float!) { customers(first: 50,
  filter: {churnProbability: {gte: $least}}, orderBy: [{field: CLV, direction: DESC}]) {
  edges { node { id externalId
    tier { tier since reasons { code text } }
    prediction { churnProbability clv clvLow clvHigh modelVersion asOf reasons { code text } }
    segments { key }
    recommendedStrategies(first: 3) { strategy { key } priority reasons { code text } } } }
  pageInfo { hasNextPage endCursor } } }"""
PEER_PAGE = """query ($least: Float!) { customers: customersAtRisk(first: 50, lowest: $least) {
  edges { node { id: gid externalId
    tier: tierByCustomerId { tier since
      reasons: tierReasonsByCustomerIdList(orderBy: PLACE_ASC) { code text } }
    prediction: predictionByCustomerId { churnProbability clv clvLow clvHigh modelVersion asOf
      reasons: predictionReasonsByCustomerIdList(orderBy: PLACE_ASC) { code text } }
    segments: membershipsByCustomerIdList(orderBy: KEY_ASC) { key }
    recommendedStrategies: recommendationsByCustomerIdList(orderBy: PRIORITY_ASC, first: 3) {
      strategy: strategyByStrategyId { key } priority
      reasons: recommendationReasonsByCustomerIdAndPriorityList(orderBy: PLACE_ASC) {
        code text } } } }
  pageInfo { hasNextPage endCursor } } }"""

SCORE_FIELDS = """edges { node { customerId externalId churnProbability churnPercentile riskBand clv
  horizonDays asOf scoredAt validUntil modelVersion revision deleted } }
  pageInfo { hasNextPage endCursor }"""
ECHELON_SCORES = f"""query ($after: String) {{ riskScores(first: 1000, after: $after) {{
  {SCORE_FIELDS} }} }}"""
PEER_SCORES = f"""query ($after: Cursor) {{
  riskScores: allScores(first: 1000, after: $after, orderBy: REVISION_ASC) {{
  {SCORE_FIELDS} }} }}"""
LEAST = tuple(round(0.2 + 0.005 * step, 3) for step in range(100))


@dataclass(frozen=True)
class Query:
    """A question as two servers understand it, with the same variables for both or its own."""

    name: str
    echelon: str
    peer: str

    def document(self, server: str) -> str:
        return self.echelon if server == "echelon" else self.peer


CUSTOMER = Query("customer", ECHELON_CUSTOMER, PEER_CUSTOMER)
PAGE = Query("page", ECHELON_PAGE, PEER_PAGE)
SCORES = Query("scores", ECHELON_SCORES, PEER_SCORES)
TITLES: Mapping[str, str] = {
    "customer": "customer by id, everything nested",
    "page": "50 customers, filtered, by CLV",
    "scores": "1,000 risk scores",
}


def body(document: str, variables: Variables) -> bytes:
    return json.dumps({"query": document, "variables": variables}).encode()


def comparable(answer: Any) -> Any:
    """An answer without its cursors, which are opaque and each server's own."""
    if isinstance(answer, dict):
        return {
            name: bool(value) if name == "endCursor" else comparable(value)
            for name, value in answer.items()
        }
    if isinstance(answer, list):
        return [comparable(each) for each in answer]
    return answer


def first_difference(ours: Any, theirs: Any, path: str = "data") -> str | None:
    """Where two answers differ; none if they are equal."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if list(ours) != list(theirs):
            return f"{path}: {list(ours)} and {list(theirs)}"
        parts = ((f"{path}.{name}", ours[name], theirs[name]) for name in ours)
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return f"{path}: {len(ours)} entries and {len(theirs)}"
        parts = ((f"{path}[{n}]", *pair) for n, pair in enumerate(zip(ours, theirs, strict=True)))
    else:
        return None if ours == theirs else f"{path}: {ours!r} and {theirs!r}"
    return next((found for part in parts if (found := first_difference(*_ordered(part)))), None)


def _ordered(part: Sequence[Any]) -> tuple[Any, Any, str]:
    return part[1], part[2], part[0]
