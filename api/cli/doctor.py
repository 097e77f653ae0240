"""`echelon doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict

import typer

from api.cli.context import now, open_installation
from api.cli.terminal import JsonOption, Terminal
from api.doctor import examine

MARKS = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "failure": "[red]✗[/red]"}


def doctor_(json: JsonOption = False) -> None:
    """Check the installation; exit code 1 where something is broken."""
    terminal = Terminal(as_json=json)
    place = open_installation(migrated=False)
    findings = examine(place.engine, place.settings, now())
    for finding in findings:
        terminal.say(f"{finding.subject}: {finding.message}", mark=f"{MARKS[finding.state]} ")
        if finding.remedy:
            terminal.say(f"    {finding.remedy}")
    terminal.result([asdict(finding) for finding in findings])
    if any(finding.state == "failure" for finding in findings):
        raise typer.Exit(1)
