"""What a database refuses, in words that name it and the way out."""

from __future__ import annotations

import re

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from api.errors import Busy, Conflict, EchelonError, NotReady, TimedOut

_LIBRARIES = frozenset({"sqlalchemy", "adbc_driver_manager"})

_KNOWN: tuple[tuple[str, type[EchelonError], str], ...] = (
    (
        "malformed|not a database",
        NotReady,
        "is damaged, or is no database at all. Restore it from a backup: "
        "docs/backup-and-restore.md",
    ),
    (
        "disk is full|no space left|could not extend file",
        NotReady,
        "has no space left on its disk. Free some and run the command again; what it had not "
        "completed is undone.",
    ),
    (
        "readonly|read-only",
        NotReady,
        "can't be written: it, or the folder it is in, is read-only. Allow writing, or choose "
        "another place with ECHELON_DATA_DIR or ECHELON_DATABASE_URL.",
    ),
    (
        "unable to open database",
        NotReady,
        "can't be opened. Does its folder exist, and may this user read and write there?",
    ),
    ("database is locked", Conflict, "is written by another command. Try again after it."),
    (
        "authentication failed|no password supplied",
        NotReady,
        "refuses the user or the password. Mend ECHELON_DATABASE_URL.",
    ),
    (
        'database "[^"]*" does not exist',
        NotReady,
        "does not exist on its server. Create it with createdb, then run: echelon db upgrade",
    ),
    ("permission denied|must be owner", NotReady, "refuses this user's rights. Grant them there."),
    (
        "connect|resolve host|server closed|terminating",
        NotReady,
        "can't be reached. Is it running, and is ECHELON_DATABASE_URL right?",
    ),
)
"""What the libraries' messages hold, and what is said instead: theirs may repeat values."""


def database_failure(error: BaseException, url: str) -> EchelonError | None:
    """An expected failure of the database at `url`; None where the fault may be the program's."""
    if type(error).__module__.partition(".")[0] not in _LIBRARIES:
        return None
    text = str(getattr(error, "orig", None) or error).lower()
    for pattern, kind, words in _KNOWN:
        if re.search(pattern, text):
            return kind(f"The database {shown(url)} {words}")
    return None


LOCK_STATES = frozenset({"55P03", "40P01", "40001"})
"""PostgreSQL's: a lock that was not to be had in time, a deadlock, a lost race."""
CANCELLED = "57014"


def cut_short(error: Exception) -> EchelonError | None:
    """What the database gave up, because it waited or worked too long; None for another fault."""
    said = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(said, "sqlstate", None)
    if state in LOCK_STATES or "database is locked" in str(said):
        return Busy("The database is being written, by a refresh perhaps. Try again.")
    if state == CANCELLED:
        return TimedOut("The database took too long over this. Ask for less at once.")
    return None


def shown(url: str) -> str:
    """A database's URL as it may be printed: without its password."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return "(its URL can't be read)"
    return parsed.set(drivername=parsed.get_backend_name()).render_as_string(hide_password=True)
