"""`echelon explain` and `echelon policy simulate` as a shell sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from api.cli.context import open_installation
from api.db.installation import pin_today
from api.db.models import TierAssignment
from tests.cli.conftest import Echelon
from tests.refresh.business import BUYERS, DAY, open_business


@pytest.fixture
def decided(echelon: Echelon, tmp_path: Path) -> Echelon:
    """An installation whose customers have tiers."""
    assert echelon("db", "upgrade").code == 0
    place = open_installation()
    open_business(place.engine, place.url, tmp_path / "facts", BUYERS).refresh()
    pin_today(place.engine, DAY)  # or the predictions would be out of date by now
    return echelon


def test_a_tier_is_explained_in_both_languages(decided: Echelon) -> None:
    english = decided("explain", "C1")
    assert english.code == 0
    assert "Diamond since 2026-03-31" in english.out + english.err
    assert "equal" in english.out + english.err
    chinese = decided("explain", "C1", "--language", "zh", "--as-of", DAY.isoformat())
    assert "钻石" in chinese.out + chinese.err
    found = json.loads(decided("explain", "C1", "--json").out)
    assert found["replay"] == {"tier": "diamond", "equal": True, "flaws": []}


def test_a_record_that_does_not_replay_fails_loudly(decided: Echelon) -> None:
    with open_installation().engine.begin() as connection:
        connection.execute(update(TierAssignment).values(tier_key="bronze"))
    answer = decided("explain", "C1")
    assert answer.code == 1
    assert "can't be replayed" in answer.err
    failed = json.loads(decided("explain", "C1", "--json").out)
    assert failed["error"]["code"] == "NOT_REPLAYED"


def test_unknown_customers_and_days_are_told(decided: Echelon) -> None:
    assert "no customer" in decided("explain", "nobody").err
    before = decided("explain", "C1", "--as-of", "2026-03-30")
    assert before.code == 1
    assert "by 2026-03-30" in before.err


def test_a_policy_is_tried_on_everybody(decided: Echelon, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    told = decided("policy", "simulate", "default", "--out", str(report))
    assert told.code == 0
    assert "5 customers" in told.out + told.err
    found = json.loads(decided("policy", "simulate", "default", "--json").out)
    assert found == json.loads(report.read_text(encoding="utf-8"))
    assert found["moved"]["customers"] == 0
    wrong = decided("policy", "simulate", "default", "--as-of", "2026-02-28")
    assert wrong.code == 1
    assert "nothing is kept of 2026-02-28" in wrong.err
