"""Models meet the product: what may be trained on, and how a champion's files come to be here."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.champions import load_champions, train_model
from api.db.champions import ModelRecord, record_model
from api.errors import InvalidInput
from api.settings import Settings

NOW = dt.datetime(2026, 4, 1, 6, 0, tzinfo=dt.UTC)
FILES = {"model.json": "1" * 64, "model.ubj": "2" * 64}


def test_a_day_that_is_not_over_teaches_nothing(engine: Engine, settings: Settings) -> None:
    """Its label window would be empty, and everyone would seem to have left."""
    with pytest.raises(InvalidInput, match=r"2026-04-01 is not over yet.*is 2026-03-31"):
        train_model(
            engine, settings, "churn", as_of=NOW.date(), horizon_days=None, seed=0,
            clock=lambda: NOW, progress=lambda *_step: None,
        )  # fmt: skip


# MLflow and what it brings use what SQLAlchemy, pandas and others have deprecated.
@pytest.mark.filterwarnings("ignore")
def test_a_download_that_broke_off_is_completed(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml import registry

    def champion(_uri: str, name: str) -> registry.ChampionRef:
        return registry.ChampionRef(name, 1, "run")

    def download(_uri: str, _name: str, _version: int, folder: Path) -> dict[str, str]:
        folder.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            (folder / file).touch()
        return FILES

    monkeypatch.setattr(registry, "champion", champion)
    monkeypatch.setattr(registry, "download", download)
    for name in ("churn", "clv"):
        record_model(
            engine, ModelRecord(name, 1, "run", 28, NOW.date(), NOW, FILES, {}), champion=True
        )
    partial = settings.model_dir / "churn" / "1"
    partial.mkdir(parents=True)
    (partial / "model.json").touch()
    assert load_champions(engine, settings).churn.files == FILES
    assert {path.name for path in partial.iterdir()} == set(FILES)
