"""Every query on the page about the API answers without an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.graphql.ids import global_id
from tests.api.conftest import Api
from tests.test_docs import ROOT, code_blocks

PAGE = ROOT / "docs" / "api.md"
QUERIES = [text for language, text in code_blocks(PAGE) if language == "graphql"]
VARIABLES: dict[str, Any] = {
    "ids": [global_id("Customer", 1), global_id("Segment", 1)],
    "after": None,
}


def test_the_page_shows_each_way_to_ask() -> None:
    assert len(QUERIES) >= 5


@pytest.mark.parametrize("place", range(len(QUERIES)))
async def test_its_queries_answer(api: Api, place: int) -> None:
    given = {name: value for name, value in VARIABLES.items() if f"${name}" in QUERIES[place]}
    data = await api.ask(QUERIES[place], variables=given)
    assert all(value is not None for value in data.values())


def test_its_bodies_are_json() -> None:
    for language, text in code_blocks(PAGE):
        if language == "json":
            assert json.loads(text)
