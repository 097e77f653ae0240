"""Members of a segment in a file, and what stays out of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from api.cli import app
from tests.api.seed import Seeder
from tests.conftest import TEST_SECRET

KEY = "champions"


@pytest.fixture
def seeded(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Seeder:
    monkeypatch.setenv("ECHELON_DATABASE_URL", database_url)
    monkeypatch.setenv("ECHELON_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("ECHELON_SECRET_KEY", TEST_SECRET)
    from api.settings import Settings

    secret = Settings(database_url=database_url, secret_key=TEST_SECRET).root_secret()
    seeder = Seeder(engine, secret, 40)
    seeder.run()
    engine.dispose()
    return seeder


def expected(seeder: Seeder) -> list[str]:
    place = sorted(seeder.segments).index(KEY) + 2
    return [f"C{n:05d}" for n in range(1, 41) if n % place == 0 and n % 13]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["segments", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_members_are_written_in_each_format(seeded: Seeder, tmp_path: Path) -> None:
    for ending in ("csv", "parquet", "ndjson"):
        out = tmp_path / f"members.{ending}"
        said = json.loads(run("export", KEY, "--out", str(out), "--json"))
        assert said["rows"] == len(expected(seeded))
    with (tmp_path / "members.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["customer_id"] for row in rows] == expected(seeded)
    assert list(rows[0]) == ["customer_id", "entered_on"]
    table = pq.read_table(tmp_path / "members.parquet")
    assert table["customer_id"].to_pylist() == expected(seeded)
    objects = (tmp_path / "members.ndjson").read_text().splitlines()
    assert [json.loads(each)["customer_id"] for each in objects] == expected(seeded)


def test_personal_data_only_when_asked_for(seeded: Seeder, tmp_path: Path) -> None:
    out = tmp_path / "members.csv"
    run("export", KEY, "--out", str(out))
    assert "@" not in out.read_text()
    run("export", KEY, "--out", str(out), "--personal-data")
    with out.open() as lines:
        row = next(csv.DictReader(lines))
    number = int(row["customer_id"].removeprefix("C"))
    assert row["name"] == seeded.name(number)
    assert row["email"] == f"c{number}@example.org"


def test_the_list_counts_members(seeded: Seeder) -> None:
    found = {each["key"]: each for each in json.loads(run("list", "--json"))}
    assert found[KEY]["members"] == len(expected(seeded))
    assert found["watched_by_hand"]["kind"] == "manual"


def test_wrong_names_are_explained(seeded: Seeder, tmp_path: Path) -> None:
    wrong = CliRunner().invoke(app, ["segments", "export", "nobody", "--out", "x.csv"])
    assert wrong.exit_code == 1
    assert "there is no segment" in str(wrong.exception).lower()
    ending = CliRunner().invoke(app, ["segments", "export", KEY, "--out", "x.xlsx"])
    assert ".ndjson" in str(ending.exception)
