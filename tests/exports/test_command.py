"""`echelon export risk-scores`: the same files, and addresses that the server opens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from api.cli import app
from tests.api.conftest import seed
from tests.conftest import TEST_SECRET
from tests.exports.reading import FORMATS, rows_of


@pytest.fixture
def installed(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    seed(engine, 30)
    engine.dispose()
    monkeypatch.setenv("ECHELON_DATABASE_URL", database_url)
    monkeypatch.setenv("ECHELON_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("ECHELON_SECRET_KEY", TEST_SECRET)
    return tmp_path


def run(*words: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["export", "risk-scores", *words, "--json"])
    assert result.exception is None, result.output
    found: dict[str, object] = json.loads(result.output)
    return found


def test_files_hold_the_feed_and_the_place_to_go_on_from(installed: Path) -> None:
    contents = {}
    for kind in FORMATS:
        out = installed / f"scores.{kind}"
        said = run("--out", str(out), "--risk-band", "HIGH")
        contents[kind] = rows_of(kind, out.read_bytes())
        assert said["rows"] == len(contents[kind]) > 3
    assert contents["ndjson"] == contents["arrow"] == contents["parquet"]
    assert {row["riskBand"] for row in contents["arrow"]} == {"HIGH"}
    later = run(
        "--out",
        str(installed / "l.ndjson"),
        "--risk-band",
        "HIGH",
        "--after",
        str(said["nextCursor"]),
    )
    assert later["rows"] == 0
    assert not list(installed.glob("*.part"))


def test_an_address_needs_a_key_that_works(installed: Path) -> None:
    said = run("--url", "parquet", "--key", "partner")
    assert str(said["url"]).startswith("/exports/risk-scores.parquet?key=")
    for words, problem in (
        (["--url", "parquet", "--key", "nobody"], "no key named"),
        (["--url", "parquet"], "--key NAME"),
        (["--out", str(installed / "a.csv")], "ndjson"),
        (["--out", str(installed / "no" / "a.arrow")], "folder"),
        (["--out", str(installed / "a.arrow"), "--risk-band", "x"], "riskBand"),
    ):
        result = CliRunner().invoke(app, ["export", "risk-scores", *words])
        assert problem in str(result.exception), words
