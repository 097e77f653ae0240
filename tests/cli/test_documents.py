"""`echelon documents`: stored whole or not at all, listed, removed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from api.db.models import AuditEntry
from tests.cli.conftest import Echelon

TEXT = "query Mine { portfolio { customers } }\n"
OTHER = "query Yours { tiers { key } }"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def installed(
    echelon: Echelon, engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Echelon:
    monkeypatch.setenv("ECHELON_DATABASE_URL", database_url)
    return echelon


def test_documents_are_added_listed_and_removed(
    installed: Echelon, engine: Engine, tmp_path: Path
) -> None:
    file, manifest = tmp_path / "mine.graphql", tmp_path / "manifest.json"
    file.write_text(TEXT)
    manifest.write_text(json.dumps({sha(OTHER): OTHER}))
    added = installed("documents", "add", str(file), "--manifest", str(manifest), "--json")
    assert added.code == 0, added.err
    assert json.loads(added.out) == {
        "added": 2,
        "documents": [
            {"id": f"sha256:{sha(TEXT)}", "operations": "Mine"},
            {"id": f"sha256:{sha(OTHER)}", "operations": "Yours"},
        ],
    }
    again = installed("documents", "add", str(file), "--json")
    assert json.loads(again.out)["added"] == 0
    with engine.connect() as connection:
        recorded = connection.scalars(select(AuditEntry.action)).all()
    assert "documents add" in " ".join(recorded)
    listed = json.loads(installed("documents", "list", "--json").out)
    assert [each["operations"] for each in listed] == ["Mine", "Yours"]
    assert installed("documents", "remove", listed[0]["id"]).code == 0
    assert len(json.loads(installed("documents", "list", "--json").out)) == 1
    gone = installed("documents", "remove", listed[0]["id"])
    assert gone.code == 1
    assert "echelon documents list" in gone.err


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{ nothing }", "nothing"),
        ("{", "Syntax Error"),
        ("", "characters"),
        ("query A($x: Int) { tiers { key } }", "never used"),
    ],
)
def test_a_document_that_the_schema_does_not_answer_is_refused_with_all_others(
    installed: Echelon, tmp_path: Path, text: str, hint: str
) -> None:
    good, bad = tmp_path / "good.graphql", tmp_path / "bad.graphql"
    good.write_text(TEXT)
    bad.write_text(text)
    answer = installed("documents", "add", str(good), str(bad))
    assert answer.code == 1
    assert hint in answer.err
    assert json.loads(installed("documents", "list", "--json").out) == []


def test_nothing_to_add_and_no_ids_are_wrong_usage(installed: Echelon) -> None:
    assert installed("documents", "add").code == 2
    assert installed("documents", "remove", "x").code == 1
