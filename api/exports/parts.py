"""Encoded parts of the feed in a folder, each with a label that says what it holds.

A part is a file: its label as a line of JSON of fixed length, then the bytes. It is written under
another name and moved there once it is whole, is never changed, and belongs to its owner alone.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from api.db.score_parts import Tally

FORM = 1
"""Raised when the same rows would be written in another way."""
LABEL_BYTES = 4_096
ENDING = ".part"


@dataclass(frozen=True)
class Label:
    """Rows with revisions above `after` and up to `last`, as they stood when `seen` was the newest.

    `origin` has a mark of each refresh that the rows are of: in a database that was restored, or in
    another one, these differ.
    """

    form: list[int]
    after: int
    last: int
    seen: int
    tally: Tally
    origin: Mapping[str, str]
    size: int
    checksum: int

    @property
    def name(self) -> str:
        return f"{self.after}-{self.last}-{self.seen}-{self.checksum:08x}{ENDING}"


@dataclass(frozen=True)
class Part:
    """A part whose file is open, so that it can be read though somebody replaces it."""

    label: Label
    path: Path
    descriptor: int

    def read(self) -> pa.Buffer | None:
        """Its bytes; None where they are not those that were written."""
        with suppress(OSError):
            buffer = bytearray(self.label.size)
            filled, view = 0, memoryview(buffer)
            while count := os.preadv(self.descriptor, [view[filled:]], LABEL_BYTES + filled):
                filled += count
            if filled == self.label.size and zlib.crc32(buffer) == self.label.checksum:
                return pa.py_buffer(buffer)
        return None

    def close(self) -> None:
        os.close(self.descriptor)


@dataclass(frozen=True)
class PartsFolder:
    """The parts of one database. What can't be read or written is as if it weren't there."""

    path: Path

    def open_all(self) -> list[Part]:
        return [part for path in self._paths() if (part := _open(path)) is not None]

    def newest_seen(self) -> int:
        """How far the database had come when the newest part was written; -1: there is none."""
        seen = (path.name.split("-")[2] for path in self._paths() if path.name.count("-") == 3)
        return max((int(each) for each in seen if each.isdecimal()), default=-1)

    def keep(self, label: Label, body: pa.Buffer) -> Path | None:
        """Write a part; where that fails there is none, which costs time and nothing else."""
        line = json.dumps(asdict(label)).encode()
        if len(line) >= LABEL_BYTES:
            return None
        path = self.path / label.name
        passing = self.path / f".{label.name}.{os.getpid()}"
        try:
            # The folder above is the installation's: where that is missing nothing is kept.
            self.path.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(passing, flags, 0o600), "wb") as file:
                file.write(line.ljust(LABEL_BYTES - 1) + b"\n")
                file.write(body)
            passing.replace(path)
        except OSError:
            with suppress(OSError):
                passing.unlink(missing_ok=True)
            return None
        return path

    def keep_only(self, paths: Iterable[Path]) -> None:
        """Remove everything else, what a process that died was writing among it."""
        wanted = set(paths)
        with suppress(OSError):
            for each in self.path.iterdir():
                if each not in wanted:
                    with suppress(OSError):
                        each.unlink()

    def _paths(self) -> list[Path]:
        try:
            return sorted(self.path.glob(f"[0-9]*{ENDING}"))
        except OSError:
            return []


def _open(path: Path) -> Part | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        found = json.loads(os.pread(descriptor, LABEL_BYTES, 0))
        label = Label(**(found | {"tally": Tally(**found["tally"])}))
        if os.fstat(descriptor).st_size == LABEL_BYTES + label.size:
            return Part(label, path, descriptor)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass  # it was not written by `keep`, or not to its end
    os.close(descriptor)
    return None
