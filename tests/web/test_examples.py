"""The queries we hand to newcomers are ones the schema answers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from api.demo import QUERIES
from api.graphql.schema import SDL_PATH
from api.web.build import SOURCES

ROOT = Path(__file__).parent.parent.parent
TABS = sorted((SOURCES / "src" / "examples").glob("*.graphql"))
IN_A_BODY = re.compile(r"""-d '(\{"query": .*?\})'$""", re.MULTILINE)


def documents() -> dict[str, str]:
    found = {path.name: path.read_text() for path in TABS}
    found |= {f"the demo's: {title}": query for title, query in QUERIES}
    bodies = IN_A_BODY.findall((ROOT / "README.md").read_text())
    return found | {
        f"the README's {at}": json.loads(body)["query"] for at, body in enumerate(bodies)
    }


def test_there_are_eight_tabs_three_in_the_demo_and_two_in_the_readme() -> None:
    assert len(documents()) == 13


@pytest.mark.parametrize("name", documents())
def test_the_schema_answers_it(name: str) -> None:
    schema = build_schema(SDL_PATH.read_text())
    assert validate(schema, parse(documents()[name])) == []


def test_tabs_have_notes_in_both_languages_and_their_variables() -> None:
    script = (SOURCES / "src" / "examples.js").read_text()
    for tab in TABS:
        assert f"./examples/{tab.name}?raw" in script
        if tab.with_suffix(".json").exists():
            assert f"./examples/{tab.stem}.json?raw" in script
