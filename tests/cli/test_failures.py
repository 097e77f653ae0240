"""Whatever the machine refuses, a command answers in one line; our mistakes are written down."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from api.cli import database
from tests.cli.conftest import Echelon


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where the command's data goes; see the fixture `echelon`."""
    return tmp_path / "var"


@pytest.mark.parametrize("length", [0, 40_000])
def test_a_damaged_database_is_named_with_the_way_back(
    echelon: Echelon, data: Path, length: int
) -> None:
    assert echelon("db", "upgrade").code == 0
    file = data / "echelon.db"
    file.write_bytes(
        (file.read_bytes() if length else b"no database at all " * 999)[: length or None]
    )
    for command in (["keys", "list"], ["db", "upgrade"], ["refresh"], ["serve"]):
        answer = echelon(*command)
        assert answer.code == 1
        assert "is damaged" in answer.err
        assert "backup" in answer.err
    doctor = echelon("doctor")
    assert doctor.code == 1
    assert "is damaged" in doctor.out


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:hidden-word@127.0.0.1:1/echelon", "can't be reached"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_database_that_can_not_be_made_is_named(
    echelon: Echelon, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("ECHELON_DATABASE_URL", url)
    answer = echelon("db", "upgrade")
    assert answer.code == 1
    assert words in answer.err
    assert "hidden-word" not in answer.err


def test_a_data_folder_that_is_none_is_named(
    echelon: Echelon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    taken = tmp_path / "a file"
    taken.write_text("no folder")
    monkeypatch.setenv("ECHELON_DATA_DIR", str(taken))
    answer = echelon("db", "upgrade")
    assert answer.code == 1
    assert str(taken) in answer.err
    assert f"nothing can be written to {taken}" in echelon("doctor").out


def test_a_mistake_of_ours_is_written_down_and_not_printed(
    echelon: Echelon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("Anna's e-mail address")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(database, "upgrade_schema", stumble)
    answer = echelon("db", "upgrade", "--json")
    assert answer.code == 1
    assert "Anna" not in answer.out + answer.err
    failed = json.loads(answer.out)["error"]
    assert failed["code"] == "INTERNAL"
    (written,) = re.findall(r"is in (\S+);", failed["message"])
    assert "stumble" in Path(written).read_text()
    assert Path(written).stat().st_mode & 0o077 == 0
