"""A new root secret: what was encrypted moves to it, whenever the command is killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from api.db import models
from api.db.personal_data import SEALED, left_to_seal
from api.db.resealing import reseal
from api.domain.personal_data import PersonalDataCipher
from api.errors import NotReady
from tests.api.seed import Seeder
from tests.api.seed_classes import seed_classes
from tests.api.seed_facts import BATCH, NOW, external_id
from tests.cli.conftest import Echelon
from tests.conftest import TEST_SECRET

SIZE = 40
OLD, NEW = TEST_SECRET.encode(), b"another secret for tests, just as useless"


def seed(engine: Engine) -> None:
    """Personal data in every column there is for it."""
    Seeder(engine, OLD, SIZE).run()
    seed_classes(engine)
    cipher = PersonalDataCipher(OLD)
    everyone = range(1, SIZE + 1)
    with engine.begin() as connection:
        strategy = connection.scalar(select(models.Strategy.id).limit(1))
        for table, listed in written(strategy, cipher).items():
            known = [row | {"customer_id": n} for n, row in zip(everyone, listed, strict=True)]
            connection.execute(insert(table), known)


def written(strategy: int | None, cipher: PersonalDataCipher) -> dict[Any, list[dict[str, Any]]]:
    """By table, a row about each customer with something to seal."""
    everyone = range(1, SIZE + 1)
    return {
        models.CustomerIdentifier: [
            {
                "kind": "card",
                "value_encrypted": cipher.encrypt("identifier", external_id(n), f"card {n}"),
                "value_hash": cipher.lookup_hash("identifier", f"card {n}"),
                "batch_id": BATCH,
            }
            for n in everyone
        ],
        models.Feedback: [
            {"external_id": f"F{n}", "given_at": NOW, "category": "other", "batch_id": BATCH}
            | {"comment_encrypted": cipher.encrypt("comment", external_id(n), f"said {n}")}
            for n in everyone
        ],
        models.Consent: [
            {"purpose": "p", "channel": f"c{n % 2}", "recorded_at": NOW, "granted": True}
            | {"batch_id": BATCH}
            | {"proof_encrypted": cipher.encrypt("proof", external_id(n), f"form {n}")}
            for n in everyone
        ],
        models.StrategyAction: [
            {"strategy_id": strategy, "strategy_version": 1, "status": "planned", "owner": "x"}
            | {"recorded_at": NOW, "recorded_by": "x", "version": 1}
            | {"note_encrypted": cipher.encrypt("action_note", external_id(n), f"do {n}")}
            for n in everyone
        ],
        models.CustomerCase: [
            {"kind": "win_back", "strategy_id": strategy, "opened_on": NOW.date()}
            | {"reasons": [], "version": 1}
            | {"note_encrypted": cipher.encrypt("case_note", external_id(n), f"case {n}")}
            for n in everyone
        ],
    }


def opened(engine: Engine, cipher: PersonalDataCipher) -> dict[str, list[str | None]]:
    """Every text there is, by its column; all hashes must be those of the cipher."""
    found: dict[str, list[str | None]] = {}
    customers = models.Customer.__table__
    with engine.connect() as connection:
        numbers = dict(connection.execute(select(customers.c.id, customers.c.external_id)).all())
        for each in SEALED:
            owner = each.table.c.id if each.table is customers else each.table.c.customer_id
            rows = connection.execute(select(each.table, owner.label("of")).order_by(*each.key))
            for row in rows.mappings():
                for value in each.values:
                    sealed, text = row[value.column], None
                    if sealed is not None:
                        text = cipher.decrypt(value.name, numbers[row["of"]], bytes(sealed))
                    if value.hashed is not None and text is not None:
                        assert bytes(row[value.hashed]) == cipher.lookup_hash(value.name, text)
                    found.setdefault(f"{each.table}.{value.column}", []).append(text)
        tokens = {
            (bytes(row.token_hash), row.customer_id)
            for row in connection.execute(select(models.CustomerNameToken.__table__))
        }
    names = found["customers.name_encrypted"]
    assert tokens == {
        (token, number)
        for number, name in enumerate(names, 1)
        for token in cipher.name_tokens(str(name))
    }
    return found


def test_every_column_of_ciphertexts_is_listed() -> None:
    stored = {
        f"{table}.{column.name}"
        for table in models.Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_encrypted")
    }
    assert stored == {f"{each.table}.{value.column}" for each in SEALED for value in each.values}


def test_everything_moves_to_the_present_secret(engine: Engine) -> None:
    seed(engine)
    before = opened(engine, PersonalDataCipher(OLD))
    assert all(any(texts) for texts in before.values())
    told: list[int] = []
    cipher = PersonalDataCipher(NEW, [OLD])
    whole = left_to_seal(engine, cipher)
    assert reseal(engine, cipher, told.append, rows=7) == whole == told[-1]
    assert left_to_seal(engine, cipher) == reseal(engine, cipher, told.append) == 0
    assert opened(engine, PersonalDataCipher(NEW)) == before
    with pytest.raises(NotReady, match="another secret"):
        opened(engine, PersonalDataCipher(OLD))


def test_values_of_an_unknown_secret_stop_it_and_stay(engine: Engine) -> None:
    seed(engine)
    before = opened(engine, PersonalDataCipher(OLD))
    with pytest.raises(NotReady, match="another secret"):
        reseal(engine, PersonalDataCipher(NEW), lambda _rows: None)
    assert opened(engine, PersonalDataCipher(OLD)) == before


KILLED = """
import os, signal, sys
from api.db.engine import make_engine
from api.db.resealing import reseal
from api.domain.personal_data import PersonalDataCipher

class Dying(PersonalDataCipher):
    left = int(sys.argv[2])
    def encrypt(self, *value):
        Dying.left -= 1
        if Dying.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encrypt(*value)

def told(rows):
    print(rows, flush=True)

cipher = Dying({new!r}, [{old!r}])
reseal(make_engine(sys.argv[1]), cipher, told, rows=5)
print("done", flush=True)
"""


def test_a_rotation_that_is_killed_again_and_again_ends_where_one_that_is_not_does(
    engine: Engine, database_url: str
) -> None:
    seed(engine)
    before = opened(engine, PersonalDataCipher(OLD))
    script = KILLED.format(new=NEW, old=OLD)
    deaths = 0
    for survived in range(1, 40):
        command = [sys.executable, "-c", script, database_url, str(survived * 17)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        deaths += 1
    assert deaths >= 3
    assert opened(engine, PersonalDataCipher(NEW)) == before


def test_the_command_makes_a_secret_and_moves_to_it(echelon: Echelon, tmp_path: Path) -> None:
    assert echelon("db", "upgrade").code == 0
    file = tmp_path / "customers.csv"
    file.write_text("customer_id,known_at,name,email\nA,2017-01-01,Anna,anna@example.org\n")
    assert echelon("import", "customers", str(file)).code == 0
    secret = tmp_path / "var" / "secret.key"
    old = secret.read_bytes()
    made = echelon("secrets", "new", "--json")
    assert made.code == 0
    previous = Path(json.loads(made.out)["previous"])
    assert previous.read_bytes().split() == [old]
    assert secret.read_bytes() != old
    assert {stat.S_IMODE(each.stat().st_mode) for each in (secret, previous)} == {0o600}
    assert "1 rows are still encrypted under a previous secret" in echelon("doctor").out
    refused = echelon("secrets", "new")
    assert (refused.code, "secrets rotate" in refused.err) == (1, True)
    later = echelon("import", "customers", str(file))
    assert (later.code, "secrets rotate" in later.err) == (1, True)
    rotated = echelon("secrets", "rotate", "--json")
    assert json.loads(rotated.out)["rows"]["live"] == 1
    assert "opens with this secret" in echelon("doctor").out
    previous.unlink()
    assert "opens with this secret" in echelon("doctor").out
    assert "1 known already" in echelon("import", "customers", str(file)).out
    database = sqlite3.connect(tmp_path / "var" / "echelon.db")
    assert database.execute("SELECT version FROM customers").fetchone() == (1,)
    database.close()


def test_a_secret_of_the_environment_is_changed_there(
    echelon: Echelon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ECHELON_SECRET_KEY", "x" * 40)
    assert echelon("db", "upgrade").code == 0
    refused = echelon("secrets", "new")
    assert (refused.code, "ECHELON_PREVIOUS_SECRET_KEYS" in refused.err) == (1, True)
    file = tmp_path / "customers.csv"
    file.write_text("customer_id,known_at,name\nA,2017-01-01,Anna\n")
    assert echelon("import", "customers", str(file)).code == 0
    monkeypatch.setenv("ECHELON_SECRET_KEY", "y" * 40)
    monkeypatch.setenv("ECHELON_PREVIOUS_SECRET_KEYS", f"{'z' * 40}, {'x' * 40}")
    assert "1 rows encrypted anew" in echelon("secrets", "rotate").out
    assert "0 rows encrypted anew" in echelon("secrets", "rotate").out
    monkeypatch.delenv("ECHELON_PREVIOUS_SECRET_KEYS")
    assert "opens with this secret" in echelon("doctor").out
    monkeypatch.setenv("ECHELON_PREVIOUS_SECRET_KEYS", "short")
    assert "at least 32" in echelon("doctor").out + echelon("doctor").err
    assert os.environ["ECHELON_SECRET_KEY"] == "y" * 40
