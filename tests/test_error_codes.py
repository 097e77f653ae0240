"""Every error code of the source stands in docs/errors.md, and no other does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from api.graphql.mutations.conventions import UserErrorCode

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "errors.md"
CODE = re.compile(r"[A-Z]+(_[A-Z]+)*")
PLACES = {"Refusal": 1, "DocumentRefused": 0, "refuse_above": 0, "coded": 1, "Outcome": 2}
"""Calls that take a code, and which argument it is."""


def texts(node: ast.AST) -> Iterator[str]:
    """Whatever a value may be: a text, one of two, one out of a table."""
    for each in ast.walk(node):
        value = each.value if isinstance(each, ast.Constant) else None
        if isinstance(value, str) and CODE.fullmatch(value):
            yield value


def codes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            place = PLACES.get(name)
            if place is not None and len(node.args) > place:
                yield from texts(node.args[place])
            for keyword in node.keywords:
                if keyword.arg == "code" and name in PLACES:
                    yield from texts(keyword.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Name) and each.id == "code" for each in targets):
                yield from texts(node.value)
            if any(isinstance(each, ast.Name) and each.id == "extensions" for each in targets):
                yield from texts(node.value)


def codes_of_the_source() -> set[str]:
    found = {each.value for each in UserErrorCode}
    for path in (ROOT / "api").rglob("*.py"):
        found.update(codes_in(ast.parse(path.read_text(encoding="utf-8"))))
    # Defaults of parameters and of fields, which no call names.
    return found | {"EXECUTION_FAILED", "TOO_MANY_ERRORS"}


def rows() -> dict[str, str]:
    table = re.findall(
        r"^\| `([A-Z_]+)` \| (\d{3}(?:, \d{3})*) \| [^|]+ \| [^|]+ \|$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return dict(table)


def test_the_page_has_every_code_and_no_other() -> None:
    written, used = set(rows()), codes_of_the_source()
    assert used - written == set(), "codes that docs/errors.md does not explain"
    assert written - used == set(), "codes of docs/errors.md that nothing gives"


def test_every_row_is_whole() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(lines) == len(rows()) + 3  # three codes stand in two tables
    assert len(rows()) > 40
