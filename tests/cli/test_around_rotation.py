"""A new root secret: what else runs, what it is written like, and what was given out before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from api.db import models
from api.db.personal_data import left_to_seal
from api.domain.personal_data import PersonalDataCipher
from api.errors import NotReady
from api.intake import import_facts
from api.root_secrets import listed
from api.settings import Settings
from tests.api.seed_facts import NOW
from tests.cli.conftest import Echelon
from tests.cli.test_rotation import NEW, OLD, seed
from tests.conftest import TEST_SECRET

ROTATED = """
import datetime as dt, sys
from api.db.engine import make_engine
from api.db.resealing import reseal
from api.db.secret_in_use import take_over
from api.db.writes import writing
from api.domain.audit import Seals
from api.domain.personal_data import PersonalDataCipher

engine, cipher = make_engine(sys.argv[1]), PersonalDataCipher({new!r}, [{old!r}])
with writing(engine) as connection:
    take_over(connection, cipher, Seals({new!r}, [{old!r}]), dt.datetime(2026, 4, 1, tzinfo=dt.UTC))
reseal(engine, cipher, lambda _rows: None)
"""


def test_an_import_that_runs_meanwhile_ends_and_leaves_nothing_behind(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    rows = "".join(f"N{number},2017-01-01,Anna\n" for number in range(10))
    file.write_text(f"customer_id,known_at,name\n{rows}")
    settings = Settings(database_url=database_url, data_dir=tmp_path, secret_key=OLD.decode())

    def rotated(_step: str, _share: float | None) -> None:
        script = ROTATED.format(new=NEW, old=OLD)
        subprocess.run([sys.executable, "-c", script, database_url], check=True)  # noqa: S603 - our own words

    with pytest.raises(NotReady, match="was changed after this process began"):
        import_facts(
            engine,
            database_url,
            settings,
            kind="customers",
            source=file,
            mapping={},
            quarantine=None,
            origin="test",
            clock=lambda: NOW,
            progress=rotated,
            batch_rows=5,
        )
    assert left_to_seal(engine, PersonalDataCipher(NEW)) == 0
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(models.Customer)) == 5


@pytest.mark.parametrize("secret", ["x" * 30 + "\n" + "y" * 30, "x" * 40 + "," + "z" * 40])
def test_any_secret_survives_as_a_previous_one(
    echelon: Echelon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str
) -> None:
    file = tmp_path / "var" / "secret.key"
    file.parent.mkdir(exist_ok=True)
    file.write_text(secret)
    assert echelon("db", "upgrade").code == 0
    customers = tmp_path / "customers.csv"
    customers.write_text("customer_id,known_at,name\nA,2017-01-01,Anna\n")
    assert echelon("import", "customers", str(customers)).code == 0
    assert echelon("secrets", "new").code == 0
    assert "1 rows encrypted anew" in echelon("secrets", "rotate").out
    monkeypatch.setenv("ECHELON_PREVIOUS_SECRET_KEYS", listed(secret.encode()).decode())
    assert echelon("audit", "verify").code == 0
    monkeypatch.setenv("ECHELON_PREVIOUS_SECRET_KEYS", "base64:?")
    assert "base64" in echelon("audit", "verify").err


def test_cursors_of_before_go_on_from_the_command_line(
    echelon: Echelon,
    engine: Engine,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    seed(engine)
    engine.dispose()
    monkeypatch.setenv("ECHELON_DATABASE_URL", database_url)
    monkeypatch.setenv("ECHELON_SECRET_KEY", TEST_SECRET)
    first = echelon("export", "risk-scores", "--out", str(tmp_path / "a.ndjson"), "--json")
    cursor = json.loads(first.out)["nextCursor"]
    monkeypatch.setenv("ECHELON_SECRET_KEY", NEW.decode())
    monkeypatch.setenv("ECHELON_PREVIOUS_SECRET_KEYS", listed(OLD).decode())
    out = str(tmp_path / "b.ndjson")
    assert echelon("export", "risk-scores", "--out", out, "--after", cursor).code == 0
