"""Promote, refuse, force, roll back, list: as an operator does it, with MLflow played by hand."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.champions import load_champions
from api.db.champions import (
    Action,
    ModelRecord,
    Promotion,
    list_known,
    list_promotions,
    predecessor,
    record_model,
)
from api.db.engine import make_engine
from api.errors import Conflict
from api.settings import load_settings
from ml import artefacts
from ml.errors import RegistryError
from tests.cli.conftest import Echelon

# MLflow and what it brings use what SQLAlchemy, pandas and others have deprecated.
pytestmark = pytest.mark.filterwarnings("ignore")

NOW = dt.datetime(2026, 4, 1, 6, 0, tzinfo=dt.UTC)
FIT = {"promote": True, "why": "Not worse.", "against": None, "findings": []}
UNFIT = {"promote": False, "why": "log_loss is 9, which is worse.", "against": 1, "findings": []}


class HandRegistry:
    """Which version each alias points to, and what was noted with it."""

    def __init__(self) -> None:
        self.aliases: dict[str, int] = {}
        self.notes: list[dict[str, str]] = []
        self.away = False

    def set_champion(self, _uri: str, name: str, version: int, note: dict[str, str]) -> None:
        if self.away:
            raise RegistryError("MLflow's store can't be reached.")
        self.aliases[name] = version
        self.notes.append(note)

    def champion(self, _uri: str, _name: str) -> None:
        """A store that was made anew knows nobody."""


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> HandRegistry:
    from ml import registry

    by_hand = HandRegistry()
    monkeypatch.setattr(registry, "set_champion", by_hand.set_champion)
    monkeypatch.setattr(registry, "champion", by_hand.champion)
    return by_hand


@pytest.fixture
def engine(echelon: Echelon, tmp_path: Path) -> Engine:
    """Versions 1 and 2 were found fit and reigned in turn; 3 was not; 4 knows of no verdict."""
    assert echelon("db", "upgrade").code == 0
    engine = make_engine(f"sqlite:///{tmp_path / 'var' / 'echelon.db'}")
    for version, verdict in ((1, FIT), (2, FIT), (3, UNFIT), (4, None)):
        record(engine, tmp_path / "var", version, verdict)
    return engine


def record(engine: Engine, var: Path, version: int, verdict: dict[str, Any] | None) -> None:
    folder = var / "models" / "churn" / str(version)
    files = artefacts.write(folder, artefacts.CHAMPION, b"trees", {"kind": "churn", "is": version})
    made = ModelRecord(
        "churn", version, "run", 28, NOW.date(), NOW, files, {"log_loss": 0.3}, verdict
    )
    record_model(engine, made, champion=bool(verdict and verdict["promote"]))


def reigning(engine: Engine) -> list[int]:
    return [known.version for known in list_known(engine) if known.champion]


def test_a_version_found_unfit_needs_force_and_a_reason_that_is_kept(
    echelon: Echelon, engine: Engine, mlflow: HandRegistry
) -> None:
    refused = echelon("models", "promote", "churn", "3")
    assert refused.code == 1
    assert "log_loss is 9, which is worse" in refused.err
    assert "--force --reason" in refused.err
    assert "No verdict was recorded" in echelon("models", "promote", "churn", "4").err
    for words in (["--force"], ["--force", "--reason", " "], ["--reason", "no force"]):
        assert echelon("models", "promote", "churn", "3", *words).code == 2
    assert reigning(engine) == [2]
    assert mlflow.aliases == {}

    forced = echelon(
        "models", "promote", "churn", "3", "--force", "--reason", "new shops", "--json"
    )
    assert json.loads(forced.out) == {
        "name": "churn", "version": 3, "previous_version": 2, "action": "force",
        "reason": "new shops",
    }  # fmt: skip
    assert reigning(engine) == [3]
    assert mlflow.aliases == {"churn": 3}
    assert mlflow.notes[-1]["reason"] == "new shops"
    last = list_promotions(engine, "churn")[-1]
    assert (last.version, last.previous_version, last.action, last.reason) == (
        3, 2, "force", "new shops",
    )  # fmt: skip


def test_a_version_found_fit_needs_nothing(
    echelon: Echelon, engine: Engine, mlflow: HandRegistry
) -> None:
    assert echelon("models", "promote", "churn", "1").code == 0
    assert reigning(engine) == [1]
    assert list_promotions(engine)[-1].action == "promote"
    changes = len(list_promotions(engine))
    assert echelon("models", "promote", "churn", "1").code == 0
    assert len(list_promotions(engine)) == changes


def test_rollback_goes_back_one_champion_at_a_time_and_is_kept(
    echelon: Echelon, engine: Engine, mlflow: HandRegistry
) -> None:
    echelon("models", "promote", "churn", "3", "--force", "--reason", "a trial")
    back = echelon("models", "rollback", "churn", "--reason", "complaints", "--json")
    assert json.loads(back.out)["version"] == 2
    assert "churn/1 is the champion again" in echelon("models", "rollback", "churn").out
    assert reigning(engine) == [1]
    assert mlflow.aliases == {"churn": 1}
    end = echelon("models", "rollback", "churn")
    assert end.code == 1
    assert "nothing to go back to" in end.err
    kept = [(each.version, each.action, each.reason) for each in list_promotions(engine)][-2:]
    assert kept == [(2, "rollback", "complaints"), (1, "rollback", "")]
    assert echelon("models", "rollback", "weather").code == 1


def test_where_mlflow_is_away_the_old_one_reigns_on(
    echelon: Echelon, engine: Engine, mlflow: HandRegistry
) -> None:
    mlflow.away = True
    answer = echelon("models", "rollback", "churn")
    assert answer.code == 1
    assert "can't be reached" in answer.err
    assert reigning(engine) == [2]
    assert len(list_promotions(engine)) == 2


def test_nobody_goes_back_to_a_model_that_can_no_longer_score(
    echelon: Echelon, engine: Engine, mlflow: HandRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artefacts, "FORMAT", 99)
    answer = echelon("models", "rollback", "churn")
    assert answer.code == 1
    assert "no churn model of format 99: train it again" in answer.err
    assert (reigning(engine), mlflow.aliases) == ([2], {})


def test_the_list_shows_verdicts_metrics_and_history(
    echelon: Echelon, engine: Engine, mlflow: HandRegistry
) -> None:
    shown = echelon("models", "list").out
    lines = {line.split()[0]: line for line in shown.splitlines() if line.startswith("churn/")}
    assert "champion" in lines["churn/2"]
    assert "log_loss 0.3000" in lines["churn/1"]
    assert "not fit" in lines["churn/3"]
    assert "none" in lines["churn/4"]
    assert shown.count("Not worse.") == 2
    listed = json.loads(echelon("models", "list", "--json").out)
    assert [model["version"] for model in listed] == [4, 3, 2, 1]
    assert listed[1]["verdict"]["why"] == UNFIT["why"]
    assert listed[2]["history"][0]["action"] == "promote"
    assert listed[2]["history"][0]["at"].startswith("2026-04-01T06:00")


def test_a_lost_mlflow_store_is_told_from_a_new_installation(
    echelon: Echelon, engine: Engine, mlflow: HandRegistry
) -> None:
    with pytest.raises(Conflict, match=r"Restore that store.*ECHELON_MLFLOW_URI"):
        load_champions(engine, load_settings())


def change(version: int, before: int | None, action: Action = "promote") -> Promotion:
    return Promotion("churn", version, before, action, "", NOW)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], None),
        ([change(1, None)], None),
        ([change(1, None), change(2, 1), change(3, 2)], 2),
        ([change(1, None), change(2, 1), change(1, 2, "rollback")], None),
        ([change(1, None), change(2, 1), change(1, 2, "rollback"), change(4, 1)], 1),
        ([change(1, None), change(2, 1), change(1, 2)], 2),
        ([change(8, 7)], 7),
        ([change(8, 7), change(7, 8, "rollback")], None),
        ([change(1, None), change(2, 1), change(3, 2), change(2, 3, "rollback")], 1),
    ],
)
def test_who_reigned_before_is_as_if_rolled_back_ones_never_had(
    history: list[Promotion], expected: int | None
) -> None:
    assert predecessor(history) == expected
