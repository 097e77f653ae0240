"""How a command fails: one clear line, whatever it was that failed."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import traceback
from pathlib import Path

from api.db.failures import database_failure
from api.errors import EchelonError, NotReady
from api.settings import load_settings
from ml.errors import MLError

INTERRUPTED = 130


def interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind a failure: ADBC hides it behind a driver that can't cancel."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def explain(error: Exception) -> tuple[str, str]:
    """A failure's stable code and its line for people."""
    if isinstance(error, EchelonError):
        return error.code, str(error)
    if isinstance(error, MLError):
        return "ML_ERROR", str(error)
    expected = _from_machine(error)
    if expected is not None:
        return expected.code, str(expected)
    return "INTERNAL", (
        f"This should not have happened ({type(error).__name__}). What led to it is in "
        f"{_write_down(error)}; please report it."
    )


def _from_machine(error: Exception) -> EchelonError | None:
    """What the disk or the database refuses."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return NotReady(f"{place}{error.strerror}.")
    return database_failure(error, load_settings().resolved_database_url)


def _write_down(error: Exception) -> Path:
    """The traceback for whoever mends it, readable by its owner only: it may quote data."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S")
    descriptor, path = tempfile.mkstemp(prefix=f"echelon-{stamp}-", suffix=".log")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return Path(path)
