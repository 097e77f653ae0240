"""Whoever sees their own customers only gets the answers of a database without the others."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.graphql.access import Rows, rows_of
from api.graphql.ids import global_id
from api.graphql.nodes import FINDERS
from tests.api import row_pair
from tests.api.conftest import running
from tests.api.everything import Everything, leads_to
from tests.api.row_pair import (
    FOREIGN,
    FREE,
    MINE,
    OWN,
    SCHEMA,
    SIZE,
    UNLIMITED,
    Pair,
    Urls,
    customers_in,
    told,
)
from tests.api.seed_facts import external_id

urls, pair = row_pair.urls, row_pair.pair
DAYS = 'from: "2026-01-01", to: "2026-04-01"'
GIVEN = {
    "Query.customer": f'externalId: "{external_id(MINE)}"',
    "Query.explainTier": f'externalId: "{external_id(MINE)}"',
    "Query.node": f'id: "{global_id("Customer", MINE)}"',
    "Query.nodes": f'ids: ["{global_id("Customer", MINE)}", "{global_id("Customer", FOREIGN)}", '
    f'"{global_id("Order", FOREIGN * 10)}"]',
    "Customer.recommendedStrategies": "first: 20",
    "Query.segment": 'key: "own_people"',
    "Query.classification": 'key: "value_class"',
    "Classification.members": 'value: "high", first: 100',
    "Query.tierMigration": DAYS,
    "Query.nearestToNextTier": 'tier: "gold"',
    "Query.customerCases": "kind: WIN_BACK",
    "Query.revenueBridge": DAYS,
    "Query.retentionByTier": 'from: "2026-03-31", to: "2026-04-01"',
    "Query.slaBreaches": DAYS,
    "Query.simulateTierPolicy": "policy: {}",
    "Query.validateTierPolicy": "policy: {}",
}
UNTOLD = (
    "Customer.whatIf",
    "TierDecision.whatIf",
    "TierDecision.measures",
    "TierDecision.replay",
    "TierDecision.statement",
)
"""What is computed from the one record of a decision, which the seed does not have in full."""
WRITER = Everything(SCHEMA, GIVEN, UNTOLD)
DEAR = ("withheldStrategies", "tierDecision", "tierHistory", "orders", "interactions", "needs")
OF_MANY = Everything(
    SCHEMA, GIVEN, (*UNTOLD, "Classification.members", *(f"Customer.{each}" for each in DEAR))
)
"""For lists of lists of customers; what is dear is asked of one list. One value of a
classification is no value of all of them."""
QUERIES = sorted(SCHEMA.query_type.fields) if SCHEMA.query_type else []
NAMES_CUSTOMERS = frozenset({"Customer", "externalId", "customerId"})


def shown_of(name: str) -> Rows:
    assert SCHEMA.query_type is not None
    return rows_of(SCHEMA.query_type.fields[name])


def test_whatever_leads_to_a_customer_says_whose_it_shows() -> None:
    for root in (SCHEMA.query_type, SCHEMA.mutation_type):
        assert root is not None
        for name, field in root.fields.items():
            if rows_of(field) is Rows.ANY:
                assert not leads_to(SCHEMA, field, NAMES_CUSTOMERS), name


@pytest.mark.parametrize("name", QUERIES)
async def test_every_field_answers_as_if_there_were_no_others(pair: Pair, name: str) -> None:
    writer = OF_MANY if name in ("classifications", "segments") else WRITER
    document = writer.ask(name)
    seen, alone = await pair.both(document)
    assert seen == alone
    assert customers_in(seen) <= OWN
    if shown_of(name) is Rows.NONE:
        assert [each["extensions"]["code"] for each in seen["errors"]] == ["FORBIDDEN"]
        return
    assert "errors" not in seen, seen["errors"]
    everybody = await told(pair.all, document, "admin")
    assert SCHEMA.query_type is not None
    if leads_to(SCHEMA, SCHEMA.query_type.fields[name], NAMES_CUSTOMERS):
        assert customers_in(seen), "the test asked for nothing"
    if name not in ("customer", "node", "explainTier") and shown_of(name) is Rows.OWN:
        assert everybody != seen, "the others would make no difference here"


@pytest.mark.parametrize("kind", sorted(FINDERS))
async def test_a_foreign_id_is_an_id_of_nothing(pair: Pair, kind: str) -> None:
    numbers = [*range(1, SIZE * 10 + 10), *range(1_000_001, 1_000_001 + SIZE)]
    ids = [global_id(kind, number) for number in numbers]
    found: list[Any] = []
    for start in range(0, len(ids), 100):
        query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
        seen, alone = await pair.both(query, variables={"ids": ids[start : start + 100]})
        assert seen == alone
        found += [each for each in seen["data"]["nodes"] if each]
    assert customers_in(found) <= OWN
    assert kind not in ("Customer", "Order", "Interaction") or customers_in(found)


FILTERS = [
    '{owner: {eq: "west"}}', '{owner: {isNull: true}}', '{externalId: {contains: "7"}}',
    f'{{externalId: {{in: ["{external_id(FOREIGN)}", "{external_id(MINE)}"]}}}}',
    f'{{email: "c{FOREIGN}@example.org"}}', f'{{phone: "+4420718{FOREIGN:05d}"}}',
    '{name: "smith"}', '{segment: {eq: "own_people"}}', '{not: {owner: {eq: "east"}}}',
    '{or: [{owner: {ne: "east"}}, {churnProbability: {gte: 0}}]}', '{tier: {isNull: true}}',
]  # fmt: skip
ORDERS = ["OWNER", "CLV", "EXTERNAL_ID", "CHURN_PROBABILITY", "KNOWN_SINCE"]
LISTS = [
    "segments { key memberCount members(%s) { totalCount edges { cursor node { externalId } } "
    "pageInfo { hasNextPage endCursor } } history(%s) { totalCount edges { node { customerId } } "
    "} }",
    "customerCases(kind: WIN_BACK, %s) { totalCount edges { cursor node { externalId note } } "
    "pageInfo { hasNextPage hasPreviousPage } }",
    'nearestToNextTier(tier: "gold", %s) { totalCount edges { cursor node { customer { externalId '
    "orders(%s) { totalCount edges { cursor } } } } } }",
    'classification(key: "value_class") { boundary { above { customer { externalId } } } '
    'members(value: "low", %s) { totalCount edges { cursor node { externalId } } } }',
]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    chosen=st.lists(st.sampled_from(FILTERS), max_size=2),
    order=st.lists(st.sampled_from(ORDERS), max_size=2, unique=True),
    size=st.integers(1, 20),
    backward=st.booleans(),
    lists=st.lists(st.sampled_from(LISTS), max_size=2, unique=True),
)
def test_random_documents_never_tell_of_foreign_customers(
    urls: Urls,
    chosen: list[str],
    order: list[str],
    size: int,
    backward: bool,
    lists: list[str],
) -> None:
    page = f"{'last' if backward else 'first'}: {size}"
    filters = f"filter: {{and: [{', '.join(chosen)}]}}, " if chosen else ""
    levels = ", ".join(f"{{field: {each}, direction: DESC}}" for each in order)
    parts = [
        f"customers({filters}orderBy: [{levels}], {page}) {{ totalCount pageInfo {{ hasNextPage "
        "hasPreviousPage startCursor } edges { cursor node { externalId name segments { key } "
        "orders(first: 2) { totalCount edges { node { externalId } } } } } }",
        *(each.replace("%s", page) for each in lists),
    ]

    async def ask() -> tuple[Any, Any]:
        async with AsyncExitStack() as stack:
            opened = [
                await stack.enter_async_context(running(*each, limits=UNLIMITED, settings=FREE))
                for each in urls
            ]
            return await Pair(*opened).both(f"{{ {' '.join(parts)} }}", "sales")

    seen, alone = asyncio.run(ask())
    assert seen == alone
    assert "errors" not in seen
    assert customers_in(seen) <= OWN
