"""Personal data under two secrets could neither be found nor opened: refused, and diagnosed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Echelon

ANNA = "customer_id,known_at,name\nA,2017-01-01,Anna\n"


@pytest.fixture
def installation(echelon: Echelon, tmp_path: Path) -> Path:
    """The data folder of an installation that knows a name."""
    assert echelon("db", "upgrade").code == 0
    file = tmp_path / "customers.csv"
    file.write_text(ANNA)
    assert echelon("import", "customers", str(file)).code == 0
    return tmp_path / "var"


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("customers", ANNA.replace("A,", "B,")),
        ("identifiers", "customer_id,kind,value\nA,card,4711\n"),
    ],
)
def test_another_secret_is_refused_before_anything_is_sealed(
    echelon: Echelon,
    installation: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str,
    rows: str,
) -> None:
    file = tmp_path / f"{kind}.csv"
    file.write_text(rows)
    monkeypatch.setenv("ECHELON_SECRET_KEY", "x" * 40)
    refused = echelon("import", kind, str(file))
    assert refused.code == 1
    assert "another secret" in refused.err
    assert "another secret" in echelon("doctor").out
    monkeypatch.delenv("ECHELON_SECRET_KEY")
    assert "opens with this secret" in echelon("doctor").out
    assert "1 added" in echelon("import", kind, str(file)).out


def test_doctor_misses_a_lost_secret_and_makes_no_new_one(
    echelon: Echelon, installation: Path
) -> None:
    secret = installation / "secret.key"
    secret.unlink()
    answer = echelon("doctor")
    assert answer.code == 1
    assert "its secret is gone" in answer.out
    assert not secret.exists()
