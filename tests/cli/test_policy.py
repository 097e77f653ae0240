"""`echelon policy`: check, activate, schedule, list, withdraw, roll back and show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.documents import POLICIES, read_document
from tests.cli.conftest import Answer, Echelon


def results(answer: Answer) -> Any:
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def states(echelon: Echelon) -> list[tuple[str, int, str, bool]]:
    listed = results(echelon("policy", "list", "--json"))
    return [(each["key"], each["version"], each["state"], each["active"]) for each in listed]


def written(tmp_path: Path, **changed: Any) -> str:
    document = read_document(POLICIES / "default.yaml") | changed
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return str(path)


@pytest.fixture
def installed(echelon: Echelon, monkeypatch: pytest.MonkeyPatch) -> Echelon:
    """An installation that counts in the currency of the bank's scheme."""
    monkeypatch.setenv("ECHELON_BASE_CURRENCY", "CNY")
    assert echelon("db", "upgrade").code == 0
    return echelon


@pytest.mark.parametrize("name", ["default", "retail-rfm", "bank-assets", "weighted-abc"])
def test_shipped_policies_are_sound_even_without_a_database(echelon: Echelon, name: str) -> None:
    checked = results(echelon("policy", "check", name, "--json"))
    assert len(checked["tiers"]) >= 3


def test_a_bad_policy_is_refused_with_its_path_and_changes_nothing(
    installed: Echelon, tmp_path: Path
) -> None:
    results(installed("policy", "activate", "bank-assets", "--json"))
    before = states(installed)
    bad = written(tmp_path, below="none")
    for command in ("check", "activate"):
        answer = installed("policy", command, bad)
        assert answer.code == 1
        assert "policy.below" in answer.err
    assert states(installed) == before


def test_a_policy_is_activated_and_rolled_back(installed: Echelon, tmp_path: Path) -> None:
    mine = written(tmp_path, key="mine")
    active = results(installed("policy", "activate", mine, "--reason", "Spring", "--json"))
    assert (active["version"], active["active"], active["reason"]) == (1, True, "Spring")
    assert active["activated_by"]
    again = results(installed("policy", "activate", mine, "--json"))
    assert again["version"] == 1
    back = results(installed("policy", "rollback", "--reason", "Too strict", "--json"))
    assert (back["key"], back["version"], back["reason"]) == ("default", 2, "Too strict")
    assert states(installed) == [
        ("default", 2, "activated", True),
        ("default", 1, "activated", False),
        ("mine", 1, "activated", False),
    ]


def test_a_policy_is_scheduled_and_withdrawn(installed: Echelon, tmp_path: Path) -> None:
    later = results(
        installed("policy", "activate", "bank-assets", "--from", "2190-01-01", "--json")
    )
    assert (later["active"], later["effective_from"]) == (False, "2190-01-01")
    mine = written(tmp_path, key="mine")
    refused = installed("policy", "activate", mine)
    assert refused.code == 1
    assert "mine version 1 overlaps with bank_assets version 1" in refused.err
    assert "--to" in refused.err
    assert ("mine", 1, "draft", False) not in states(installed)
    past = installed("policy", "activate", mine, "--from", "2000-01-01")
    assert past.code == 1
    assert "--from: 2000-01-01 is decided already" in past.err
    taken = results(installed("policy", "activate", mine, "--to", "2190-01-01", "--json"))
    assert (taken["active"], taken["effective_to"]) == (True, "2190-01-01")
    withdrawn = results(installed("policy", "withdraw", "bank_assets", "1", "--json"))
    assert withdrawn["state"] == "draft"
    assert results(installed("policy", "list", "--json"))[-1]["effective_to"] is None


def test_the_policy_page_is_written_in_both_languages(installed: Echelon, tmp_path: Path) -> None:
    results(installed("policy", "activate", "bank-assets", "--reason", "New scheme", "--json"))
    english = installed("policy", "show")
    assert english.out.startswith("# Tier policy: Bank assets\n")
    assert "New scheme" in english.out
    chinese = installed("policy", "show", "--language", "zh", "--out", str(tmp_path / "page.html"))
    assert chinese.code == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith('<!doctype html>\n<html lang="zh-Hans">')
    assert "客户分级政策：银行金融资产" in page
    assert installed("policy", "show", "--out", str(tmp_path / "page.doc")).code == 2
    missing = installed("policy", "show", "nope")
    assert missing.code == 1
    assert "bank_assets 1" in missing.err


def test_there_must_be_something_to_roll_back_to(installed: Echelon) -> None:
    answer = installed("policy", "rollback")
    assert answer.code == 1
    assert "No tier policy is in force yet" in answer.err
    results(installed("policy", "activate", "default", "--json"))
    answer = installed("policy", "rollback")
    assert answer.code == 1
    assert "Before default version 1 no other policy was in force" in answer.err
