"""Lists beside `customers`: filtered, sorted, paged both ways, by one declaration each."""

from __future__ import annotations

import datetime as dt
import re
from enum import Enum
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from api.db.cases import CASE_LIST
from api.db.customers import CUSTOMERS
from api.db.interactions import INTERACTIONS
from api.db.listings import Listed
from api.db.models.base import Base
from api.db.orders import ORDERS
from api.db.segments import SEGMENT_STAYS
from api.db.tiers import TIER_HISTORY
from api.graphql.cases import CustomerCaseFilter, CustomerCaseOrderField
from api.graphql.customer_order import CustomerOrderField
from api.graphql.interactions import InteractionFilter, InteractionOrderField
from api.graphql.orders import OrderFilter, OrderOrderField
from api.graphql.segment_stays import SegmentStayFilter, SegmentStayOrderField
from api.graphql.tier_history import TierHistoryFilter, TierHistoryOrderField
from tests.api.conftest import Api, Seeded, reads
from tests.api.seed_facts import external_id, orders

LISTS = [
    (CUSTOMERS, CustomerOrderField, None),
    (ORDERS, OrderOrderField, OrderFilter),
    (INTERACTIONS, InteractionOrderField, InteractionFilter),
    (TIER_HISTORY, TierHistoryOrderField, TierHistoryFilter),
    (SEGMENT_STAYS, SegmentStayOrderField, SegmentStayFilter),
    (CASE_LIST, CustomerCaseOrderField, CustomerCaseFilter),
]
PAGE = """query ($id: String, $filter: OrderFilter, $by: [OrderOrder!], $first: Int, $after: String,
  $last: Int, $before: String) { customer(externalId: $id) { orders(filter: $filter, orderBy: $by,
    first: $first, after: $after, last: $last, before: $before) { totalCount
      edges { cursor node { externalId orderedAt channel } }
      pageInfo { hasNextPage endCursor startCursor } } } }"""
CUSTOMER = 5  # with five orders, two pairs of them of one moment


@pytest.mark.parametrize(("listed", "order", "filters"), LISTS)
def test_what_a_list_offers_is_what_its_table_has(
    listed: Listed, order: type[Enum], filters: type | None
) -> None:
    assert {each.value for each in order} <= listed.columns.keys()
    if filters is not None:
        joining = {"and_", "or_", "not_"}
        assert set(filters.__annotations__) - joining == listed.columns.keys()


async def page(api: Api, **variables: Any) -> Any:
    given = {"id": external_id(CUSTOMER), "first": 10} | variables
    return (await api.ask(PAGE, variables=given))["customer"]["orders"]


def names(found: Any) -> list[str]:
    return [each["node"]["externalId"] for each in found["edges"]]


async def test_orders_are_sorted_by_several_levels(api: Api) -> None:
    truth = [(each["ordered_at"], each["external_id"]) for each in orders(CUSTOMER)]
    assert len({moment for moment, _ in truth}) < len(truth)
    by = [
        {"field": "ORDERED_AT", "direction": "ASC"},
        {"field": "EXTERNAL_ID", "direction": "DESC"},
    ]
    expected = sorted(truth, key=lambda each: each[1], reverse=True)
    expected.sort(key=lambda each: each[0])
    assert names(await page(api, by=by)) == [name for _, name in expected]


async def test_pages_of_an_order_follow_one_another_both_ways(api: Api) -> None:
    by = [{"field": "ORDERED_AT"}]
    whole = names(await page(api, by=by))
    forward, after = [], None
    while True:
        found = await page(api, by=by, first=2, after=after)
        forward += names(found)
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    assert forward == whole
    end = await page(api, by=by, first=None, last=2, before=after)
    assert names(end) == whole[whole.index(forward[-1]) - 2 :][:2] or len(end["edges"]) == 2


FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({"externalId": {"eq": "O5-3"}}, lambda row: row["external_id"] == "O5-3"),
    ({"externalId": {"in": ["O5-0", "O5-9"]}}, lambda row: row["external_id"] == "O5-0"),
    ({"externalId": {"contains": "-2"}}, lambda row: row["external_id"] == "O5-2"),
    ({"not": {"externalId": {"eq": "O5-3"}}}, lambda row: row["external_id"] != "O5-3"),
    ({"channel": {"isNull": True}}, lambda _row: True),
    ({"not": {"channel": {"eq": "web"}}}, lambda _row: True),
    ({"channel": {"ne": "web"}}, lambda _row: False),
    (
        {"orderedAt": {"gte": "2026-02-01"}},
        lambda row: row["ordered_at"].date() >= dt.date(2026, 2, 1),
    ),
    (
        {"or": [{"externalId": {"eq": "O5-1"}}, {"orderedAt": {"lt": "2026-02-01"}}]},
        lambda row: row["external_id"] == "O5-1" or row["ordered_at"].date() < dt.date(2026, 2, 1),
    ),
    ({"or": []}, lambda _row: False),
    ({"and": [{"externalId": {"ne": "O5-1"}}, {"externalId": {"ne": "O5-2"}}]},
     lambda row: row["external_id"] not in ("O5-1", "O5-2")),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(FILTERS)))
async def test_filters_compare_and_join(api: Api, place: int) -> None:
    filter, holds = FILTERS[place]
    found = await page(api, filter=filter)
    expected = {row["external_id"] for row in orders(CUSTOMER) if holds(row)}
    assert set(names(found)) == expected
    assert found["totalCount"] == len(expected)


@pytest.mark.parametrize(
    "variables",
    [
        {"filter": {"channel": None}},
        {"filter": {"orderedAt": {"gte": "2999-01-01"}}},
        {"by": [{"field": "ORDERED_AT"}, {"field": "ORDERED_AT"}]},
        {"filter": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {}}}}}}}}}},
        {"filter": {"externalId": {"in": [str(each) for each in range(501)]}}},
    ],
)
async def test_what_makes_no_sense_is_refused(api: Api, variables: dict[str, Any]) -> None:
    given = {"id": external_id(CUSTOMER), "first": 1} | variables
    assert await api.codes(PAGE, variables=given) == ["INVALID_INPUT"]


async def test_a_cursor_belongs_to_its_filter_and_order(api: Api) -> None:
    found = await page(api, first=1, filter={"channel": {"isNull": True}})
    given = {"id": external_id(CUSTOMER), "first": 1, "after": found["pageInfo"]["endCursor"]}
    assert await api.codes(PAGE, variables=given) == ["INVALID_CURSOR"]


MANY = """{ customers(first: %d) { edges { node {
  orders(first: 2, filter: {orderedAt: {gte: "2020-01-01"}}, orderBy: [{field: EXTERNAL_ID}]) {
    totalCount edges { node { externalId } } }
  interactions(first: 2, filter: {direction: {eq: OUTBOUND}}) { totalCount }
  tierHistory(first: 2, filter: {tier: {isNull: false}}, orderBy: [{field: UNTIL}]) { totalCount }
  segmentHistory(first: 2, filter: {until: {isNull: true}}, orderBy: [{field: SEGMENT}]) {
    totalCount edges { node { segment } } } } } } }"""


async def test_filtered_lists_of_fifty_cost_what_those_of_one_cost(api: Api) -> None:
    counts = []
    for first in (1, 50):
        await api.ask(MANY % first)
        async with api.statements() as sent:
            await api.ask(MANY % first)
        counts.append(len(reads(sent)))
    assert counts[0] == counts[1], counts


async def test_members_are_filtered_and_sorted_as_customers_are(api: Api) -> None:
    document = """query ($by: [CustomerOrder!], $filter: CustomerFilter) { segments { key
        members(first: 30, filter: $filter, orderBy: $by) { totalCount
          edges { node { externalId prediction { clv } } } } } }"""
    variables = {
        "by": [{"field": "CLV", "direction": "DESC"}],
        "filter": {"clv": {"gte": 500}},
    }
    plain = {each["key"]: each["members"] for each in (await api.ask(document))["segments"]}
    found = (await api.ask(document, variables=variables))["segments"]
    assert sum(each["members"]["totalCount"] for each in found) > 10
    for each in found:
        values = [edge["node"]["prediction"]["clv"] for edge in each["members"]["edges"]]
        assert values == sorted(values, reverse=True)
        assert all(value >= 500 for value in values)
        worthy = [
            edge
            for edge in plain[each["key"]]["edges"]
            if (edge["node"]["prediction"] or {"clv": 0})["clv"] >= 500
        ]
        assert each["members"]["totalCount"] == len(worthy) == len(values)


SORTED = {
    "tier_assignments": ("customer_id", "since"),
    "segment_memberships": ("segment_id", "entered_on"),
    "customer_cases": ("kind", "opened_on"),
    "orders": ("customer_id", "ordered_at"),
    "interactions": ("customer_id", "occurred_at"),
    "customers": ("known_at", "id"),
}


@pytest.mark.parametrize("table", SORTED)
def test_usual_orders_have_an_index(table: str) -> None:
    indexes = [
        tuple(column.name for column in each.columns)
        for each in Base.metadata.tables[table].indexes
    ]
    assert any(each[: len(SORTED[table])] == SORTED[table] for each in indexes), indexes


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (
            "SELECT * FROM segment_memberships WHERE segment_id = 1 "
            "ORDER BY entered_on DESC, id DESC LIMIT 21",
            "ix_segment_memberships_segment_id_entered_on",
        ),
        (
            "SELECT * FROM orders WHERE customer_id = 5 ORDER BY ordered_at DESC, id DESC LIMIT 21",
            "ix_orders_customer_id_ordered_at",
        ),
        (
            "SELECT * FROM customer_cases WHERE kind = 'retention' ORDER BY opened_on, id LIMIT 21",
            "ix_customer_cases_kind_opened_on",
        ),
        ("SELECT * FROM customers ORDER BY known_at, id LIMIT 21", "ix_customers_known_at"),
    ],
)
def test_postgresql_sorts_by_index(seeded_postgres: Seeded, statement: str, index: str) -> None:
    engine = create_engine(seeded_postgres.url)
    with engine.connect() as connection:
        # On sixty rows reading them all is cheaper; what counts is that an index could serve.
        connection.execute(text("SET enable_seqscan = off"))
        connection.execute(text("SET enable_bitmapscan = off"))
        plan = "\n".join(row[0] for row in connection.execute(text(f"EXPLAIN {statement}")))
    engine.dispose()
    assert index in plan
    assert not re.search(r"(?<!Incremental )Sort  \(", plan)
