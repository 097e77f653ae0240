"""The documented scopes are the scopes."""

from __future__ import annotations

import re
from pathlib import Path

from api.domain.keys import SCOPES
from api.domain.roles import ROLES

PAGE = Path(__file__).parent.parent / "docs" / "rights-and-changes.md"


def test_every_scope_is_documented_as_it_is() -> None:
    rows = re.findall(
        r"^\| `([\w:]+)` \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    table = {name: text for name, text in rows if name == "admin" or ":" in name}
    assert table == dict(SCOPES)


def test_every_role_is_documented_as_it_is() -> None:
    rows = re.findall(
        r"^\| ([\w-]+) \| (.+?) \| (`.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = {name: (text, tuple(re.findall(r"`(.+?)`", scopes))) for name, text, scopes in rows}
    assert told == {name: (role.description, role.scopes) for name, role in ROLES.items()}
