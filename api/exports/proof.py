"""What spares an export to add up every row: that nothing has moved since all parts were true."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from api.db.score_export import Snapshot

NAME = "proved.json"
MARGIN = 4_096
"""Revisions before the first proof after a refresh: what may have moved while it was made."""


@dataclass(frozen=True)
class Proof:
    """When the feed's newest revision was `seen`, these parts in this order were the whole of it.

    Whatever moves a score gives it a higher revision. But a database that was restored may have
    come to the same revision in another way. Up to its newest refresh it has the same past if all
    its refreshes are the same (`runs`), and after that if the same has `moved` above `since`, a
    revision from before that refresh was over.
    """

    form: list[int]
    runs: str
    seen: int
    since: int
    moved: list[list[int]]
    parts: list[str]

    def holds(self, snapshot: Snapshot, form: list[int], runs: str, seen: int) -> bool:
        same = (self.form, self.runs, self.seen) == (form, runs, seen)
        return same and self.moved == moved(snapshot, self.since)

    def write(self, folder: Path) -> None:
        """Where that fails, the next export adds up again."""
        passing = folder / f".{NAME}.{os.getpid()}"
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(passing, flags, 0o600), "w") as file:
                json.dump(asdict(self), file)
            passing.replace(folder / NAME)


def read_proof(folder: Path) -> Proof | None:
    try:
        return Proof(**json.loads((folder / NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def prove(
    snapshot: Snapshot,
    earlier: Proof | None,
    form: list[int],
    runs: str,
    seen: int,
    parts: Sequence[Path],
) -> Proof:
    """All parts are true now; `earlier` is what was known before."""
    same_runs = earlier is not None and earlier.runs == runs and earlier.since <= seen
    since = earlier.since if earlier and same_runs else max(seen - MARGIN, 0)
    names = [path.name for path in parts]
    return Proof(form, runs, seen, since, moved(snapshot, since), names)


def moved(snapshot: Snapshot, since: int) -> list[list[int]]:
    return [list(asdict(tally).values()) for tally in snapshot.moved_since(since)]


def digest(marks: Mapping[int, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(marks.items())).encode()).hexdigest()
