"""The audit log from the command line: what it says, and that no tampering goes unnoticed."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import DBAPIError

from api.db.audit import TABLE, append
from api.db.audit_files import make_read_log_engine, open_reads
from api.db.audit_reads import ReadLog
from api.db.audit_seals import take_checkpoint
from api.db.writes import writing
from api.domain.audit import MAIN, READ, Actor, Event, Head, Seals
from api.root_secrets import listed
from tests.cli.conftest import Echelon
from tests.conftest import TEST_SECRET

NOW = dt.datetime(2026, 4, 1, 9, tzinfo=dt.UTC)
KEY = Actor("key", "1", "support")
SEALS = Seals(TEST_SECRET.encode())


@pytest.fixture
def trail(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """Six changes, five reads, all of it sealed; returns where the reads lie."""
    monkeypatch.setenv("ECHELON_DATABASE_URL", database_url)
    monkeypatch.setenv("ECHELON_SECRET_KEY", TEST_SECRET)
    for number in range(5):
        with writing(engine) as connection:
            event = Event(NOW, KEY, "setTierOverride", f"request-{number}", {"objects": ["x"]})
            append(connection, SEALS, event)
    reads = open_reads(database_url)

    async def read() -> None:
        log = ReadLog(make_read_log_engine(database_url), SEALS)
        for number in range(5):
            await log.record(Event(NOW, KEY, READ, str(number), {"fields": [], "customers": 0}))
        await log.close()

    asyncio.run(read())
    take_checkpoint(engine, reads, SEALS, NOW)
    yield reads
    reads.dispose()


def unprotected(engine: Engine) -> None:
    """What an owner of the database can do."""
    with engine.begin() as connection:
        for name in ("keep", "stay", "once"):
            suffix = "" if engine.dialect.name == "sqlite" else " ON audit_entries"
            connection.execute(text(f"DROP TRIGGER IF EXISTS audit_entries_{name}{suffix}"))


def tamper(engine: Engine, *statements: str) -> None:
    unprotected(engine)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def forged(engine: Engine) -> None:
    """An entry at the end, sealed with a guessed key."""
    entry = Seals(b"a guess").seal(Event(NOW, KEY, "setTierOverride"), Head(MAIN, 6))
    unprotected(engine)
    with engine.begin() as connection:
        connection.execute(insert(TABLE).values(asdict(entry)))


WHERE = "WHERE stream = 'main' AND number"
TAMPERED: dict[str, tuple[Callable[[Engine], None], str]] = {
    "altered": (
        lambda engine: tamper(engine, f"UPDATE audit_entries SET actor = 'nobody' {WHERE} = 3"),
        "main/3 was altered",
    ),
    "removed": (
        lambda engine: tamper(engine, f"DELETE FROM audit_entries {WHERE} = 3"),
        "main/3 is missing before main/4",
    ),
    "closed up": (
        lambda engine: tamper(
            engine,
            f"DELETE FROM audit_entries {WHERE} = 3",
            f"UPDATE audit_entries SET number = 3 {WHERE} = 4",
            f"UPDATE audit_entries SET number = 4 {WHERE} = 5",
            f"UPDATE audit_entries SET number = 5 {WHERE} = 6",
        ),
        "main/3 was altered, moved or forged",
    ),
    "reordered": (
        lambda engine: tamper(
            engine,
            f"UPDATE audit_entries SET number = 99 {WHERE} = 2",
            f"UPDATE audit_entries SET number = 2 {WHERE} = 4",
            f"UPDATE audit_entries SET number = 4 {WHERE} = 99",
        ),
        "main/2 was altered, moved or forged",
    ),
    "forged": (forged, "main/7 was sealed under a secret that is not given"),
}


def test_what_is_intact_is_said_so(trail: Engine, echelon: Echelon, tmp_path: Path) -> None:
    out = tmp_path / "checkpoint.json"
    assert echelon("audit", "checkpoint", "--out", str(out)).code == 0
    answer = echelon("audit", "verify", "--checkpoint", str(out))
    assert answer.code == 0
    assert answer.out.startswith("Intact: 6 entries in the chain of changes, 5 in chains of reads.")


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_found_and_named(
    trail: Engine, engine: Engine, echelon: Echelon, how: str
) -> None:
    act, expected = TAMPERED[how]
    act(engine)
    answer = echelon("audit", "verify", "--json")
    assert answer.code == 1
    found = json.loads(answer.out)
    assert expected in found["problem"]
    assert found["place"] == expected.partition(" ")[0]


def test_a_cut_off_end_is_found_by_a_checkpoint(
    trail: Engine, engine: Engine, echelon: Echelon, tmp_path: Path
) -> None:
    out = tmp_path / "checkpoint.json"
    echelon("audit", "checkpoint", "--out", str(out))
    tamper(engine, f"DELETE FROM audit_entries {WHERE} > 4")
    found = json.loads(echelon("audit", "verify", "--json", "--checkpoint", str(out)).out)
    assert "main/5 is missing: at the checkpoint" in found["problem"]
    # Cut further than what the reads were sealed by: without a checkpoint nothing tells.
    assert echelon("audit", "verify").code == 0


def test_an_end_written_anew_is_found_by_a_checkpoint(
    trail: Engine, engine: Engine, echelon: Echelon, tmp_path: Path
) -> None:
    out = tmp_path / "checkpoint.json"
    echelon("audit", "checkpoint", "--out", str(out))
    tamper(engine, f"DELETE FROM audit_entries {WHERE} = 6")
    with writing(engine) as connection:  # by somebody who has the secret
        append(connection, SEALS, Event(NOW, KEY, "other"))
    answer = echelon("audit", "verify", "--checkpoint", str(out))
    assert "main/6 is not the one of the checkpoint" in answer.out


@pytest.mark.parametrize("number", [3, 5])
def test_a_read_that_was_removed_is_found(trail: Engine, echelon: Echelon, number: int) -> None:
    tamper(trail, f"DELETE FROM audit_entries WHERE stream <> 'main' AND number = {number}")
    answer = echelon("audit", "verify")
    assert answer.code == 1
    assert f"/{number} is missing" in answer.out


def test_a_whole_chain_of_reads_that_is_gone_is_found(trail: Engine, echelon: Echelon) -> None:
    tamper(trail, "DELETE FROM audit_entries WHERE stream <> 'main'")
    assert "/1 is missing: the chain of changes names 5" in echelon("audit", "verify").out


def test_a_checkpoint_can_be_a_line_of_the_log_and_not_be_altered(
    trail: Engine, echelon: Echelon, tmp_path: Path
) -> None:
    out = tmp_path / "checkpoint.json"
    echelon("audit", "checkpoint", "--out", str(out))
    content = json.loads(out.read_text())
    line = json.dumps({"event": "audit_checkpoint", **content})
    out.write_text('{"event": "request"}\n' + line + "\n")
    assert echelon("audit", "verify", "--checkpoint", str(out)).code == 0
    out.write_text(json.dumps(content | {"entries": 2}))
    answer = echelon("audit", "verify", "--checkpoint", str(out))
    assert answer.code == 1
    assert "signature is wrong" in answer.err
    out.write_text("nothing")
    assert "holds no checkpoint" in echelon("audit", "verify", "--checkpoint", str(out)).err


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'x'",
        "DELETE FROM audit_entries",
        "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries",
        "TRUNCATE audit_entries",
    ],
)
def test_the_database_refuses_changes_of_entries(
    trail: Engine, engine: Engine, statement: str
) -> None:
    foreign = "TRUNCATE" if engine.dialect.name == "sqlite" else "OR REPLACE"
    for each in {engine, trail} if foreign not in statement else set():
        with pytest.raises(DBAPIError, match="never"), each.begin() as connection:
            connection.execute(text(statement))


def test_commands_that_change_something_leave_an_entry(
    database_url: str, echelon: Echelon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHELON_DATABASE_URL", database_url)
    made = json.loads(
        echelon("keys", "create", "--name", "shop", "--scopes", "scores:read", "--json").out
    )
    echelon("keys", "rotate", "shop")
    echelon("keys", "revoke", made["key"])
    echelon("keys", "list")
    file = tmp_path / "customers.csv"
    file.write_text("customer_id,known_at,name\n1,2026-01-01,Anna Smith\n")
    assert echelon("import", "customers", str(file)).code == 0
    found = json.loads(echelon("audit", "list", "--json").out)
    told = [(each["action"], each["details"]["objects"]) for each in reversed(found)]
    assert told[:3] == [
        ("keys create", ["ApiKey:shop"]),
        ("keys rotate", ["ApiKey:shop"]),
        ("keys revoke", [f"ApiKey:{made['key'][:13]}"]),
    ]
    states = [each["details"].get("state") for each in reversed(found)]
    assert [state for state in states if state] == ["begun", "done"]
    assert {each["actorKind"] for each in found} == {"command"}
    kept = json.dumps(found)
    assert "Anna" not in kept
    assert made["key"] not in kept
    assert echelon("audit", "verify").code == 0
    only = json.loads(echelon("audit", "list", "--json", "--action", "keys rotate").out)
    assert len(only) == 1
    assert json.loads(echelon("audit", "list", "--json", "--since", "2199-01-01").out) == []


def test_who_kept_a_former_secret_seals_nothing_after_it_was_given_up(
    trail: Engine, engine: Engine, echelon: Echelon, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = "another secret for tests, just as useless"
    monkeypatch.setenv("ECHELON_SECRET_KEY", new)
    monkeypatch.setenv("ECHELON_PREVIOUS_SECRET_KEYS", listed(TEST_SECRET.encode()).decode())
    with writing(engine) as connection:
        append(connection, Seals(new.encode(), [TEST_SECRET.encode()]), Event(NOW, KEY, "new"))
    assert echelon("audit", "verify").code == 0
    with writing(engine) as connection:
        append(connection, SEALS, Event(NOW, KEY, "setTierOverride"))
    answer = echelon("audit", "verify", "--json")
    assert answer.code == 1
    assert "main/8 was sealed under a secret that had been given up" in answer.out
