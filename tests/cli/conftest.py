"""Runs the `echelon` command in this process, as a shell would see it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli import main


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Echelon = Callable[..., Answer]


@pytest.fixture
def echelon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Echelon:
    """`echelon("db", "upgrade")`: exit code and what was printed, in a data folder of its own."""
    monkeypatch.setenv("ECHELON_DATA_DIR", str(tmp_path / "var"))

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["echelon", *arguments])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(bool(error.code))
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Answer(code, printed.out, printed.err)

    return run
