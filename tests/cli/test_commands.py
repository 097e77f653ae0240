"""Each command answers bad input with what is wrong and what to do: exit code 1 or 2."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from api.cli import facts as cli_facts
from api.db.engine import make_engine
from api.intake import KINDS
from tests.cli.conftest import Echelon


def test_a_missing_database_is_named_with_the_command_that_makes_it(echelon: Echelon) -> None:
    for command in (
        ["refresh"],
        ["train", "churn"],
        ["keys", "list"],
        ["serve"],
        ["models", "list"],
    ):
        answer = echelon(*command)
        assert answer.code == 1
        assert "echelon db upgrade" in answer.err


def test_an_older_and_a_newer_database_are_told_apart(echelon: Echelon, tmp_path: Path) -> None:
    assert echelon("db", "upgrade").code == 0
    engine = make_engine(f"sqlite:///{tmp_path / 'var' / 'echelon.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_tomorrow'"))
    assert "newer than this version" in echelon("keys", "list").err
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    assert "older than this version" in echelon("keys", "list").err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ECHELON_PORT", "eighty"),
        ("ECHELON_TIME_ZONE", "Mars/Olympus"),
        ("ECHELON_BASE_CURRENCY", "dollars"),
        ("ECHELON_DATABASE_URL", "mysql://localhost/echelon"),
        ("ECHELON_DATABASE_URL", "not a url"),
        ("ECHELON_SECRET_KEY", "too short"),
    ],
)
def test_a_wrong_environment_is_named(
    echelon: Echelon, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    answer = echelon("doctor")
    assert answer.code == 1
    assert variable in answer.err
    assert "too short" not in answer.err


def test_an_unreachable_postgresql_is_named_without_its_password(
    echelon: Echelon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHELON_DATABASE_URL", "postgresql://me:hidden-word@127.0.0.1:1/echelon")
    answer = echelon("keys", "list")
    assert answer.code == 1
    assert "can't be reached" in answer.err
    assert "hidden-word" not in answer.err


def test_without_a_champion_refresh_says_how_to_train_one(echelon: Echelon) -> None:
    echelon("db", "upgrade")
    answer = echelon("refresh")
    assert answer.code == 1
    assert "echelon train churn" in answer.err


def test_training_without_facts_says_what_is_missing(echelon: Echelon) -> None:
    echelon("db", "upgrade")
    answer = echelon("train", "churn")
    assert answer.code == 1
    assert "import" in answer.err


@pytest.mark.parametrize(
    "command",
    [
        ["train", "weather"],
        ["import", "wishes", "file.csv"],
        ["policy", "check", "nowhere.yaml"],
        ["models", "promote", "churn", "7"],
        ["keys", "revoke", "nobody"],
        ["keys", "create", "--name", "n", "--scopes", "everything:write"],
        ["keys", "create", "--name", "n", "--scopes", ""],
    ],
)
def test_unknown_names_are_refused(echelon: Echelon, command: list[str]) -> None:
    echelon("db", "upgrade")
    answer = echelon(*command)
    assert answer.code == 1
    assert "echelon: " in answer.err


@pytest.mark.parametrize(
    "command",
    [["nonsense"], ["serve", "--port", "70000"], ["refresh", "--as-of", "yesterday"], ["import"]],
)
def test_wrong_usage_is_exit_code_two(echelon: Echelon, command: list[str]) -> None:
    echelon("db", "upgrade")
    assert echelon(*command).code == 2


def test_help_lists_every_kind_of_fact() -> None:
    assert cli_facts.KINDS.split(", ") == list(KINDS)


def test_help_needs_nothing_heavy() -> None:
    listing = "import json, sys, api.cli; print(json.dumps(sorted(sys.modules)))"
    child = subprocess.run(  # noqa: S603 - our own words only
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    heavy = {"mlflow", "xgboost", "duckdb", "pandas", "pyarrow", "strawberry"}
    assert heavy & set(json.loads(child.stdout)) == set()


def test_a_taken_port_is_named(echelon: Echelon) -> None:
    echelon("db", "upgrade")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = echelon("serve", "--port", port)
    assert answer.code == 1
    assert port in answer.err
    assert "ECHELON_PORT" in answer.err


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.7"])
def test_an_address_of_another_machine_is_named(echelon: Echelon, host: str) -> None:
    echelon("db", "upgrade")
    answer = echelon("serve", "--host", host, "--port", "8999")
    assert answer.code == 1
    assert host in answer.err
    assert "ECHELON_HOST" in answer.err


def test_json_output_holds_json_and_nothing_else(echelon: Echelon) -> None:
    assert json.loads(echelon("db", "upgrade", "--json").out)["schema"]
    created = echelon("keys", "create", "--name", "p", "--scopes", "scores:read", "--json")
    key = json.loads(created.out)["key"]
    assert key.startswith("ech_live_")
    listed = json.loads(echelon("keys", "list", "--json").out)
    assert [entry["name"] for entry in listed] == ["p"]
    assert key not in json.dumps(listed)
    failed = echelon("refresh", "--json")
    assert failed.code == 1
    assert json.loads(failed.out)["error"]["code"] == "NOT_READY"


def test_doctor_names_what_is_missing_and_fails_only_on_what_is_broken(
    echelon: Echelon, tmp_path: Path
) -> None:
    assert "echelon db upgrade" in echelon("doctor").out
    assert echelon("doctor").code == 1
    echelon("db", "upgrade")
    answer = echelon("doctor")
    assert answer.code == 0
    assert "echelon train churn" in answer.out
    secret = tmp_path / "var" / "secret.key"
    secret.write_text("x" * 40)
    secret.chmod(0o644)
    assert "chmod 600" in echelon("doctor").out


def test_a_new_data_folder_and_database_are_their_owners_alone(
    echelon: Echelon, tmp_path: Path
) -> None:
    echelon("db", "upgrade")
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "var" / "echelon.db").stat().st_mode & 0o777 == 0o600


def test_the_generated_secret_is_its_owners_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from api.settings import load_settings

    monkeypatch.setenv("ECHELON_DATA_DIR", str(tmp_path))
    first = load_settings().root_secret()
    assert load_settings().root_secret() == first
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
