"""Bringing in a whole table with its progress shown, for the commands that make an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.cli.context import Installation, now
from api.cli.terminal import Terminal

if TYPE_CHECKING:
    from api.intake import ImportReport


def import_table(
    place: Installation,
    terminal: Terminal,
    kind: str,
    source: Any,
    *,
    origin: str,
    expected_rows: int,
) -> ImportReport:
    """Import one kind of facts from one origin; the importer's report."""
    from api.intake import import_facts

    with terminal.timed(f"Importing {kind.replace('_', ' ')}") as steps:
        return import_facts(
            place.engine,
            place.url,
            place.settings,
            kind=kind,
            source=source,
            mapping={},
            quarantine=None,
            origin=origin,
            clock=now,
            progress=steps.say,
            expected_rows=expected_rows,
        )
