"""Pages visit every row exactly once, in either direction and any order."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from api.graphql.pagination import Cursors
from tests.api.conftest import SIZE, Api, reads

ORDERS = [
    *[
        [(field, way)]
        for field in ("CLV", "RECENCY_DAYS", "EXTERNAL_ID")
        for way in ("ASC", "DESC")
    ],
    [("KNOWN_SINCE", "DESC")],
    [("CHURN_PROBABILITY", "ASC"), ("NET_SPEND", "DESC")],
    [("ORDER_COUNT", "DESC"), ("CLV", "ASC"), ("EXTERNAL_ID", "DESC")],
    [],
]
VALUES = {
    "CLV": ("prediction", "clv"),
    "CHURN_PROBABILITY": ("prediction", "churnProbability"),
    "RECENCY_DAYS": ("classes", "recencyDays"),
    "NET_SPEND": ("classes", "netSpend"),
    "ORDER_COUNT": ("classes", "orderCount"),
}
NODE = """edges { cursor node { externalId knownSince prediction { clv churnProbability }
    classes { recencyDays netSpend orderCount } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"""


def order_text(order: list[tuple[str, str]]) -> str:
    levels = ", ".join(f"{{field: {field}, direction: {way}}}" for field, way in order)
    return f"orderBy: [{levels}]"


async def walk(api: Api, order: list[tuple[str, str]], backward: bool, size: int) -> list[Any]:
    """All customers by pages of a size; backward from the end, then turned round."""
    seen: list[Any] = []
    cursor = None
    while True:
        arguments = f"{'last' if backward else 'first'}: {size}, {order_text(order)}"
        if cursor is not None:
            arguments += f', {"before" if backward else "after"}: "{cursor}"'
        page = (await api.ask(f"{{ customers({arguments}) {{ {NODE} }} }}"))["customers"]
        nodes = [edge["node"] for edge in page["edges"]]
        seen = nodes + seen if backward else seen + nodes
        info = page["pageInfo"]
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["hasNextPage" if backward else "hasPreviousPage"] == (cursor is not None)
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return seen
        cursor = info["startCursor" if backward else "endCursor"]


def value(node: Any, field: str) -> Any:
    if field in ("EXTERNAL_ID", "KNOWN_SINCE"):
        return node["externalId" if field == "EXTERNAL_ID" else "knownSince"]
    group, name = VALUES[field]
    return None if node[group] is None else node[group][name]


def in_order(nodes: list[Any], order: list[tuple[str, str]]) -> bool:
    """Whether neighbours are in order, missing values last, ties by the row's number."""
    for one, two in itertools.pairwise(nodes):
        for field, way in [*order, ("EXTERNAL_ID", "ASC")]:
            first, second = value(one, field), value(two, field)
            if first == second:
                continue
            if first is None or (second is not None and (first < second) != (way == "ASC")):
                return False
            break
    return True


@pytest.mark.parametrize("order", ORDERS)
async def test_all_orders_visit_everyone_once_both_ways(
    api: Api, order: list[tuple[str, str]]
) -> None:
    forward = await walk(api, order, backward=False, size=7)
    assert len({node["externalId"] for node in forward}) == len(forward) == SIZE
    assert in_order(forward, order)
    assert await walk(api, order, backward=True, size=11) == forward


async def test_a_cursor_works_with_its_own_list_only(api: Api) -> None:
    document = "{{ customers(first: 2, {}) {{ pageInfo {{ endCursor }} }} }}"
    cursor = (await api.ask(document.format(order_text([("CLV", "ASC")]))))["customers"]
    after = f'after: "{cursor["pageInfo"]["endCursor"]}"'
    assert (
        "errors"
        not in (await api.send(document.format(f"{order_text([('CLV', 'ASC')])}, {after}"))).json()
    )
    foreign = [
        order_text([("CLV", "DESC")]),
        order_text([("CLV", "ASC")]) + ", filter: {kind: {eq: B2B}}",
        order_text([]),
    ]
    for arguments in foreign:
        assert await api.codes(document.format(f"{arguments}, {after}")) == ["INVALID_CURSOR"]
    other = f"{{ riskScores(first: 1, {after}) {{ edges {{ cursor }} }} }}"
    assert await api.codes(other) == ["INVALID_CURSOR"]


async def test_forged_cursors_are_refused(api: Api) -> None:
    document = '{{ customers(first: 2, after: "{}") {{ pageInfo {{ endCursor }} }} }}'
    page = (await api.ask("{ customers(first: 1) { pageInfo { endCursor } } }"))["customers"]
    true = page["pageInfo"]["endCursor"]
    rng = random.Random(1)  # noqa: S311 - a seeded one is meant
    forged = ["", "x", "Wzld", "é", "A" * 64, true + "A", true[:-4]]
    for _ in range(20):
        place = rng.randrange(len(true) - 4)
        forged.append(true[:place] + ("A" if true[place] != "A" else "B") + true[place + 1 :])
    for cursor in forged:
        assert await api.codes(document.format(cursor)) == ["INVALID_CURSOR"], cursor


def test_cursors_of_another_secret_are_refused(tmp_path: Path) -> None:
    mine, theirs = Cursors(b"a" * 32), Cursors(b"b" * 32)
    with pytest.raises(Exception, match="not one of this list"):
        mine.decode("list", [], theirs.encode("list", [], ()))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("", "PAGE_SIZE_REQUIRED"),
        ("first: 0", "INVALID_INPUT"),
        ("first: -1", "INVALID_INPUT"),
        ("first: 101", "INVALID_INPUT"),
        ("last: 101", "INVALID_INPUT"),
        ("first: 1, last: 1", "INVALID_INPUT"),
        ("first: 1, orderBy: [{field: CLV}, {field: CLV}]", "INVALID_INPUT"),
    ],
)
async def test_page_sizes_are_checked(api: Api, arguments: str, code: str) -> None:
    field = f"customers({arguments})" if arguments else "customers"
    assert await api.codes(f"{{ {field} {{ totalCount }} }}") == [code]


async def test_the_whole_is_counted_only_when_asked(api: Api) -> None:
    async with api.statements() as sent:
        await api.ask("{ customers(first: 1) { edges { node { externalId } } } }")
    assert not any("count(" in each for each in sent)
    page = await api.ask("{ customers(first: 1, filter: {kind: {eq: B2B}}) { totalCount } }")
    assert page["customers"]["totalCount"] == SIZE // 5


async def test_a_range_between_two_cursors(api: Api) -> None:
    page = await api.ask("{ customers(first: 10) { edges { cursor node { externalId } } } }")
    edges = page["customers"]["edges"]
    between = f'first: 50, after: "{edges[2]["cursor"]}", before: "{edges[6]["cursor"]}"'
    found = await api.ask(f"{{ customers({between}) {{ edges {{ node {{ externalId }} }} }} }}")
    assert found["customers"]["edges"] == [{"node": edge["node"]} for edge in edges[3:6]]


@pytest.mark.parametrize("field", ["orders", "interactions"])
async def test_nested_lists_page_alike_for_everyone_in_one_statement(api: Api, field: str) -> None:
    document = f"""{{ customers(first: 30) {{ edges {{ node {{ externalId
        {field}(first: 1) {{ totalCount edges {{ cursor node {{ externalId }} }}
          pageInfo {{ hasNextPage endCursor }} }} }} }} }} }}"""
    await api.ask(document)
    async with api.statements() as sent:
        page = await api.ask(document)
    assert len(reads(sent)) == 3
    customer = next(
        edge["node"]
        for edge in page["customers"]["edges"]
        if edge["node"][field]["totalCount"] >= 2
    )
    cursor = customer[field]["pageInfo"]["endCursor"]
    rest = f"""{{ customer(externalId: "{customer["externalId"]}") {{
        {field}(first: 100, after: "{cursor}") {{ edges {{ node {{ externalId }} }} }} }} }}"""
    others = (await api.ask(rest))["customer"][field]["edges"]
    names = {customer[field]["edges"][0]["node"]["externalId"]}
    names |= {edge["node"]["externalId"] for edge in others}
    assert len(names) == customer[field]["totalCount"] == 1 + len(others)
