"""`echelon keys create --test`: invented customers, made once by the real pipeline."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from api.intake import invented
from api.settings import load_settings
from ml.synthetic import Business
from tests.api.conftest import running
from tests.cli.conftest import Echelon
from tests.conftest import TEST_SECRET, administer

SMALL = Business(customers=150, days=500, first_day=dt.date(2024, 1, 1), with_cost=True)


@pytest.fixture
def live_url(
    database_url: str,
    echelon: Echelon,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[str]:
    monkeypatch.setenv("ECHELON_DATABASE_URL", database_url)
    monkeypatch.setenv("ECHELON_SECRET_KEY", TEST_SECRET)
    monkeypatch.setattr(invented, "BUSINESS", SMALL)
    monkeypatch.setattr(invented, "AS_OF", SMALL.last_day)
    yield database_url
    if database_url.startswith("postgresql"):
        beside = make_url(load_settings().resolved_test_database_url).database
        url = request.getfixturevalue("postgres_url")
        administer(url, f"DROP DATABASE IF EXISTS {beside} WITH (FORCE)")


async def test_a_test_key_opens_invented_customers_and_nothing_else(
    live_url: str, echelon: Echelon
) -> None:
    made = echelon("keys", "create", "--test", "--name", "shop", "--role", "support", "--json")
    assert made.code == 0, made.err
    key = json.loads(made.out)["key"]
    assert key.startswith("ech_test_")
    again = echelon("keys", "create", "--test", "--name", "two", "--role", "partner")
    assert (again.code, "Making" in again.err) == (0, False)
    listed = json.loads(echelon("keys", "list", "--json").out)
    assert {(each["name"], each["prefix"][:9]) for each in listed} == {
        ("shop", "ech_test_"),
        ("two", "ech_test_"),
    }
    live = json.loads(
        echelon("keys", "create", "--name", "shop", "--role", "support", "--json").out
    )["key"]
    page = (
        "{ customers(first: 50) { totalCount edges { node { name email "
        "prediction { clv } tier { tier } } } } }"
    )
    settings = {"data_dir": load_settings().data_dir}
    async with running(live_url, {"test": key, "live": live}, settings=settings) as api:
        assert (await api.ask(page, "live"))["customers"]["totalCount"] == 0
        found = (await api.ask(page, "test"))["customers"]
    assert found["totalCount"] == SMALL.customers
    assert all(edge["node"]["name"].startswith("Customer ") for edge in found["edges"])
    assert all(edge["node"]["email"].endswith("@example.com") for edge in found["edges"])
    assert any(edge["node"]["prediction"] for edge in found["edges"])
    assert any(edge["node"]["tier"] for edge in found["edges"])
    checks = {each["subject"]: each for each in json.loads(echelon("doctor", "--json").out)}
    assert checks["test keys"]["state"] == "ok"
    _revoked(echelon, key)


def _revoked(echelon: Echelon, key: str) -> None:
    rotated = echelon("keys", "rotate", "shop", "--test", "--old-expires-hours", "2", "--json")
    assert json.loads(rotated.out)["old"]["prefix"] == key[:13]
    one = echelon("keys", "revoke", key[:13])
    assert (one.code, key[:13] in one.out, key in one.out) == (0, True, False)
    rest = json.loads(echelon("keys", "revoke", "shop", "--test", "--json").out)
    assert len(rest["keys"]) == 2
    kept = [
        each for each in json.loads(echelon("keys", "list", "--json").out) if not each["revokedAt"]
    ]
    assert {(each["name"], each["prefix"][:9]) for each in kept} == {
        ("shop", "ech_live_"),
        ("two", "ech_test_"),
    }


def test_the_invented_business_is_the_same_everywhere() -> None:
    once = {kind: table.to_pylist() for kind, table in invented.invented_tables(2)}
    twice = {kind: table.to_pylist() for kind, table in invented.invented_tables(2)}
    assert once == twice
    assert len(once["customers"]) == invented.BUSINESS.customers
    yen = {kind: table.to_pylist() for kind, table in invented.invented_tables(0)}
    assert {len(yen[kind]) for kind in yen} == {len(once[kind]) for kind in once}
    assert all("." not in row["amount"] for row in yen["order_lines"])


@pytest.mark.parametrize("command", [["rotate", "shop"], ["revoke", "shop"]])
def test_there_are_no_test_keys_before_the_first(echelon: Echelon, command: list[str]) -> None:
    echelon("db", "upgrade")
    answer = echelon("keys", *command, "--test")
    assert answer.code == 1
    assert "keys create --test" in answer.err


def test_what_makes_no_key_makes_no_test_data(echelon: Echelon, tmp_path: Path) -> None:
    echelon("db", "upgrade")
    for wrong in (["--scopes", "everything"], ["--role", "king"], ["--role", "sales"], []):
        answer = echelon("keys", "create", "--test", "--name", "n", *wrong)
        assert answer.code == 1, wrong
    assert not (tmp_path / "var" / "echelon_test.db").exists()


@pytest.mark.parametrize(
    ("variables", "state", "said"),
    [
        ({}, "ok", "keys only"),
        ({"ISSUER": "https://login.example.org"}, "failure", "go together"),
        ({"ISSUER": "http://login.example.org", "AUDIENCE": "a"}, "failure", "https://"),
        ({"ISSUER": "http://127.0.0.1:9", "AUDIENCE": "a"}, "failure", "can't be fetched"),
    ],
)
def test_the_doctor_looks_at_who_may_call(
    echelon: Echelon,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    state: str,
    said: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"ECHELON_OIDC_{name}", value)
    echelon("db", "upgrade")
    found = {each["subject"]: each for each in json.loads(echelon("doctor", "--json").out)}
    assert found["test keys"]["state"] == "ok"
    assert (found["people"]["state"], said in found["people"]["message"]) == (state, True)


def test_the_doctor_makes_nothing(echelon: Echelon, tmp_path: Path) -> None:
    assert echelon("doctor").code == 1
    assert not (tmp_path / "var").exists()


def test_the_doctor_misses_a_test_database(echelon: Echelon, tmp_path: Path) -> None:
    echelon("db", "upgrade")
    (tmp_path / "var" / "test").mkdir()
    found = {each["subject"]: each for each in json.loads(echelon("doctor", "--json").out)}
    assert found["test keys"]["state"] == "warning"
    assert "keys create --test" in found["test keys"]["remedy"]
