"""The queries that GraphiQL opens with answer as they stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.web.build import SOURCES
from tests.api.conftest import Api

TABS = sorted((SOURCES / "src" / "examples").glob("*.graphql"))


@pytest.mark.parametrize("tab", TABS, ids=lambda path: path.stem)
async def test_each_tab_answers_as_it_stands(own_api: Api, tab: Path) -> None:
    variables = tab.with_suffix(".json")
    given = json.loads(variables.read_text()) if variables.exists() else None
    data = await own_api.ask(tab.read_text(), variables=given)
    assert all(value is not None for value in data.values())
    if tab.stem == "set-tier":
        (error,) = data["setTierOverride"]["userErrors"]
        assert (error["code"], error["field"]) == ("NOT_FOUND", ["input", "externalId"])
