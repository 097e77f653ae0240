"""What commands print: progress for people on standard error, results on standard output."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

ENDLESS = 1000
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, and nothing else, for machines.")
]


class Pace:
    """How long a step will still take, told from how long its share done has taken."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._step = ""
        self._began = self._told = clock()
        self._begun_at = self._done = 0.0
        self._left: float | None = None

    def tell(self, step: str, share: float | None) -> None:
        """A step has come so far; another step, or one that begins anew, is measured afresh."""
        self._told = self._clock()
        before, self._done = self._done, share or 0.0
        if step != self._step or self._done < before:
            self._step, self._began, self._begun_at = step, self._told, self._done
            self._left = None
        elif self._done > self._begun_at:
            taken = self._told - self._began
            self._left = taken * (1.0 - self._done) / (self._done - self._begun_at)

    def seconds_left(self) -> float | None:
        """None as long as nothing can be said; it counts down between two tellings."""
        if self._left is None:
            return None
        return max(0.0, self._left - (self._clock() - self._told))


class TimeLeftColumn(ProgressColumn):
    """`12 s left`, where the pace is known."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def render(self, task: Task) -> Text:
        del task  # Rich gives it, but its own speed forgets where a step began.
        left = self._pace.seconds_left()
        return Text("" if left is None else f"{spoken(left)} left", style="progress.remaining")


def spoken(seconds: float) -> str:
    """A duration as people say it."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


class Steps:
    """One progress line at a time: a bar where the share is known, a spinner where not."""

    def __init__(self, progress: Progress | None, pace: Pace) -> None:
        self._progress = progress
        self._pace = pace
        self._task = progress.add_task("", total=None) if progress is not None else None

    def say(self, step: str, share: float | None = None) -> None:
        self._pace.tell(step, share)
        if self._progress is None or self._task is None:
            return
        total = None if share is None else 100.0
        completed = 0.0 if share is None else share * 100
        self._progress.update(self._task, description=step, total=total, completed=completed)


class Terminal:
    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self._out = Console(highlight=False, soft_wrap=True)
        if not self._out.is_terminal:
            # What reads it has no edge to wrap at.
            self._out.width = ENDLESS

    @contextmanager
    def progress(self, first_step: str) -> Iterator[Steps]:
        """Show steps while the block runs; only on a terminal, never where JSON is asked for."""
        if self.as_json or not self._errors.is_terminal:
            self.note(first_step)
            yield Steps(None, Pace())
            return
        pace = Pace()
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TimeLeftColumn(pace),
        )
        with Progress(*columns, console=self._errors, transient=True) as progress:
            steps = Steps(progress, pace)
            steps.say(first_step)
            yield steps

    @contextmanager
    def timed(self, step: str) -> Iterator[Steps]:
        """A step that ends with a tick and its seconds."""
        started = time.monotonic()
        with self.progress(step) as steps:
            yield steps
        self.note(f"{step} {time.monotonic() - started:.1f} s", mark="[green]✓[/green] ")

    def note(self, text: str, mark: str = "") -> None:
        """A line that is no result; only `mark` may hold markup, so that brackets stay brackets."""
        if not self.as_json:
            self._errors.print(f"{mark}{escape(text)}")

    def say(self, text: str, mark: str = "") -> None:
        """A line of the result for people."""
        if not self.as_json:
            self._out.print(f"{mark}{escape(text)}")

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        if self.as_json:
            return
        table = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(escape, row))
        self._out.print(table)

    def result(self, value: Mapping[str, Any] | list[Any]) -> None:
        """The result for machines; printed only where JSON is asked for."""
        if self.as_json:
            json.dump(value, sys.stdout, default=_as_text, ensure_ascii=False)
            sys.stdout.write("\n")


def _as_text(value: object) -> str:
    """Days and moments in ISO 8601, everything else as it prints."""
    return value.isoformat() if isinstance(value, dt.date) else str(value)
