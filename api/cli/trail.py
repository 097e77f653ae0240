"""What commands leave in the audit log: an entry in each transaction that changes something.

Commands that write past SQLAlchemy (imports, the publish of a refresh) also say that they begin,
so that no change is without an entry, wherever they are killed.
"""

from __future__ import annotations

import getpass
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import typer
from sqlalchemy import Connection, Engine, event

from api.db.audit import append
from api.db.writes import writing
from api.domain.audit import Actor, Event, Seals
from api.settings import Settings

WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)
OWN = "audit_entries"
PENDING = "echelon_changed"


def author() -> str:
    """The login name: whoever may run commands here may do everything."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "command line"


def command() -> str:
    """The command at work, without its options and arguments: `keys create`."""
    from api.cli import app

    found: Any = typer.main.get_command(app)
    words: list[str] = []
    for word in sys.argv[1:]:
        found = getattr(found, "commands", {}).get(word)
        if found is None:
            break
        words.append(word)
    return " ".join(words) or "command"


@dataclass
class CommandTrail:
    """Records what a command changes in one database."""

    engine: Engine
    settings: Settings
    clock: Callable[[], Any]
    objects: list[str] = field(default_factory=list)

    def follow(self) -> None:
        """From here on, each transaction that changes something gets its entry."""
        event.listen(self.engine, "after_cursor_execute", _note)
        event.listen(self.engine, "commit", self._commit)
        event.listen(self.engine, "rollback", lambda each: each.info.pop(PENDING, None))

    def about(self, *objects: str) -> None:
        """Name what the command changes, for its entries."""
        self.objects = list(objects)

    def say(self, action: str, details: Mapping[str, Any]) -> None:
        """An entry by itself: for what another connection is about to change, or has changed."""
        with writing(self.engine) as connection:
            self._append(connection, action, details)

    def _commit(self, connection: Connection) -> None:
        changed = connection.info.pop(PENDING, None)
        if changed:
            self._append(connection, command(), {"tables": dict(sorted(changed.items()))})

    def _append(self, connection: Connection, action: str, details: Mapping[str, Any]) -> None:
        who = author()
        happened = Event(
            self.clock(),
            Actor("command", who, who),
            action,
            details={"objects": self.objects, **details},
        )
        append(connection, Seals(self.settings.root_secret()), happened)


def _note(
    connection: Connection,
    cursor: Any,
    statement: str,
    _parameters: Any,
    _context: Any,
    _many: bool,
) -> None:
    found = WRITES.match(statement)
    if found and found[1] != OWN and cursor.rowcount != 0:
        changed: Counter[str] = connection.info.setdefault(PENDING, Counter())
        changed[found[1]] += max(cursor.rowcount, 1)
