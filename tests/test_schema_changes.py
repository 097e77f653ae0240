"""Clients of the last release are told of what may break them."""

from __future__ import annotations

import pytest
from graphql import build_schema

from api.schema_changes import (
    CHANGELOG_PATH,
    RELEASED_PATH,
    bad_deprecations,
    changes,
    main,
    sections,
    unmentioned,
)

OLD = """
type Query { a(x: Int = 1, y: Int): String! b: Kind c: Both }
enum Kind { ONE TWO }
input Wish { name: String }
type Thing { id: ID! name: String }
type Other { id: ID! }
union Both = Thing | Other
"""
CASES = [
    ("a(x: Int = 1, y: Int): String!", "a(x: Int = 1, y: Int): String", "Query.a", True),
    ("b: Kind ", "", "Query.b", True),
    ("a(x: Int = 1, y: Int)", "a(x: Int = 1)", "Query.a", True),
    ("y: Int)", "y: Int, z: Int!)", "Query.a", True),
    ("x: Int = 1", "x: Int = 2", "Query.a", False),
    ("ONE TWO", "ONE", "Kind.TWO", True),
    ("ONE TWO", "ONE TWO THREE", "Kind.THREE", False),
    ("name: String }\ntype", "name: String size: Int! }\ntype", "Wish.size", True),
    ("name: String }\ntype", "name: Int }\ntype", "Wish.name", True),
    (
        "type Other { id: ID! }\nunion Both = Thing | Other",
        "union Both = Thing",
        "Both.Other",
        True,
    ),
]
LOG = "# Changelog\n\n## [Unreleased]\n\n### {heading}\n\n- `{name}` is another.\n\n## [0.1.0]\n"


@pytest.mark.parametrize(("before", "after", "coordinate", "breaking"), CASES)
def test_a_change_has_to_be_named(before: str, after: str, coordinate: str, breaking: bool) -> None:
    assert before in OLD
    found = changes(build_schema(OLD), build_schema(OLD.replace(before, after)))
    named = [each for each in found if each.coordinate == coordinate]
    assert [each.breaking for each in named] == [breaking]
    for heading in ("Changed", "Removed", "Added"):
        silent = unmentioned(named, LOG.format(heading=heading, name=coordinate))
        assert silent == (named if breaking and heading == "Added" else [])
    assert unmentioned(named, LOG.format(heading="Changed", name=f"{coordinate}s")) == named
    assert (
        unmentioned(named, f"# C\n\n## [Unreleased]\n\n## [0.1.0]\n\n- `{coordinate}`\n") == named
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: String }\ntype", "name: String size: Int }\ntype"),
        ("y: Int)", "y: Int, z: Int)"),
        ("type Other { id: ID! }", "type Other { id: ID! more: Int }"),
    ],
)
def test_what_is_only_added_need_not_be_named(before: str, after: str) -> None:
    assert changes(build_schema(OLD), build_schema(OLD.replace(before, after))) == []


@pytest.mark.parametrize(
    ("reason", "good"),
    [
        ("Since 2026-11-30, use `Thing.name`.", True),
        ("Since 2026-11-30, use `Kind.ONE`: it is shorter.", True),
        ("Since 2026-11-30, use `Thing`.", True),
        ("Since 2026-11-30, use `Thing.title`.", False),
        ("Use `Thing.name`.", False),
        ("Since November, use `Thing.name`.", False),
        ("No longer supported", False),
    ],
)
def test_a_deprecation_says_since_when_and_what_to_use(reason: str, good: bool) -> None:
    for place in ("b: Kind ", "y: Int", "TWO", "name: String"):
        text = OLD.replace(place, f'{place.strip()} @deprecated(reason: "{reason}") ', 1)
        assert (list(bad_deprecations(build_schema(text))) == []) is good


def test_the_changelog_names_what_this_schema_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0, capsys.readouterr().out
    assert {"Added", "Changed"} <= sections(CHANGELOG_PATH.read_text()).keys()
    assert RELEASED_PATH.exists()
