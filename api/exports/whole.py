"""The whole feed: parts that are kept and proved still true, and rows of the database between."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from api.db.score_export import Snapshot
from api.db.score_parts import Tally, tally_of
from api.db.score_rows import rows_between
from api.domain.feed_cursors import LARGEST_REVISION
from api.exports.columns import Shaper
from api.exports.encodings import batch_of, part_of
from api.exports.parts import FORM, Label, Part, PartsFolder
from api.exports.proof import NAME as PROOF
from api.exports.proof import Proof, digest, prove, read_proof

PART_ROWS = 65_536


@dataclass(frozen=True)
class Piece:
    """Revisions above `after` and up to `last`: a part that fits, or rows that have to be read."""

    after: int
    last: int
    rows: int
    part: Part | None

    @property
    def small(self) -> bool:
        return self.rows < PART_ROWS // 2


@dataclass
class WholeFeed:
    """One export of everything, in one snapshot.

    `marks` tell each refresh from all others. `thorough` says that this is not one export among
    several, but the one that puts the folder in order.
    """

    snapshot: Snapshot
    dialect: str
    shaper: Shaper
    marks: Mapping[int, str]
    seen: int
    folder: PartsFolder
    thorough: bool = False
    made: int = 0
    """Parts that had to be written."""
    _opened: list[Part] = field(default_factory=list)
    _pieces: list[Piece] = field(default_factory=list)
    _kept: list[Path] = field(default_factory=list)
    _held: int = 0
    """Rows in the parts that are kept."""
    _earlier: Proof | None = None

    def look(self) -> int:
        """Find out which parts are true; the number of rows there are."""
        self._opened = self.folder.open_all()
        self._earlier = read_proof(self.folder.path)
        if self._earlier is not None and (proved := self._proved(self._earlier)) is not None:
            self._pieces = proved
            return sum(piece.rows for piece in self._pieces)
        parts = apart([part for part in self._opened if self._is_ours(part.label)])
        ends = {end for part in parts for end in (part.label.after, part.label.last)}
        bounds = sorted({*ends, LARGEST_REVISION} - {0})
        found = dict(zip(bounds, self.snapshot.tallies(bounds), strict=True))
        self._pieces = joined(pieces_of(parts, bounds, found))
        return sum(piece.rows for piece in self._pieces)

    def bodies(self) -> Iterator[pa.Buffer]:
        """Everything in the feed's order; what is missing is kept on the way."""
        for piece in self._pieces:
            body = piece.part.read() if piece.part is not None else None
            if body is None or piece.part is None:
                yield from self._read(piece)
            else:
                self._note(piece.part.path, piece.rows)
                yield body
        if self._may_write():
            self._settle()

    def _settle(self) -> None:
        """Say what is proved now, and leave nothing else in the folder."""
        proof = self.folder.path / PROOF
        if self._held == sum(piece.rows for piece in self._pieces):
            runs = digest(self.marks)
            arguments = (self._earlier, self._form, runs, self.seen, self._kept)
            prove(self.snapshot, *arguments).write(self.folder.path)
        self.folder.keep_only([*self._kept, proof])

    def _proved(self, proof: Proof) -> list[Piece] | None:
        """The pieces where nothing can have changed since a proof."""
        by_name = {part.path.name: part for part in self._opened}
        parts = [by_name[name] for name in proof.parts if name in by_name]
        if len(parts) < len(proof.parts) or self.thorough:
            return None
        if not proof.holds(self.snapshot, self._form, digest(self.marks), self.seen):
            return None
        labels = [part.label for part in parts]
        return [
            Piece(label.after, label.last, label.tally.rows, part)
            for label, part in zip(labels, parts, strict=True)
        ]

    def ready(self) -> Iterator[int]:
        """Make the parts that are missing; how many rows are ready after each."""
        done = 0
        for body in self.bodies():
            done += batch_of(body).num_rows
            yield done

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()

    @property
    def _form(self) -> list[int]:
        return [FORM, self.shaper.exponent]

    def _is_ours(self, label: Label) -> bool:
        same = all(self.marks.get(int(run)) == mark for run, mark in label.origin.items())
        return same and label.form == self._form

    def _may_write(self) -> bool:
        """Who sees an older state than another export did leaves the folder to that one."""
        return self.thorough or self.folder.newest_seen() <= self.seen

    def _read(self, piece: Piece) -> Iterator[pa.Buffer]:
        after = piece.after
        rows = self.snapshot.rows(rows_between(self.dialect, piece.after, piece.last))
        for table in tables_of(rows, PART_ROWS):
            (batch,) = table.combine_chunks().to_batches()
            body = part_of(self.shaper.shape(batch))
            last = int(table.column("revision")[-1].as_py())
            self._keep(table, body, after, last)
            after = last
            yield body

    def _keep(self, table: pa.Table, body: pa.Buffer, after: int, last: int) -> None:
        if not self._may_write():
            return
        runs = table.column("run_id").unique().to_pylist()
        label = Label(
            form=self._form,
            after=after,
            last=last,
            seen=self.seen,
            tally=tally_of(table),
            origin={str(run): self.marks[run] for run in runs},
            size=body.size,
            checksum=zlib.crc32(body),
        )
        path = self.folder.keep(label, body)
        if path is not None:
            self.made += 1
            self._note(path, label.tally.rows)

    def _note(self, path: Path, rows: int) -> None:
        self._kept.append(path)
        self._held += rows


def apart(parts: Sequence[Part]) -> list[Part]:
    """Parts that don't overlap, the newest first to be taken; in the feed's order."""
    chosen: list[Part] = []
    for part in sorted(parts, key=lambda each: -each.label.seen):
        label = part.label
        if all(label.last <= it.label.after or it.label.last <= label.after for it in chosen):
            chosen.append(part)
    return sorted(chosen, key=lambda each: each.label.after)


def pieces_of(
    parts: Sequence[Part], bounds: Sequence[int], found: Mapping[int, Tally]
) -> list[Piece]:
    """Each stretch that has rows, with its part where that still fits."""
    by_place = {(part.label.after, part.label.last): part for part in parts}
    pieces = []
    for after, last in itertools.pairwise([0, *bounds]):
        part = by_place.get((after, last))
        if part is not None and part.label.tally != found[last]:
            part = None
        if found[last].rows:
            pieces.append(Piece(after, last, found[last].rows, part))
    return pieces


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Rows to read beside each other are read at once, and small parts beside them with them."""
    crumbs = [piece.part is None or piece.small for piece in pieces]
    beside = [
        crumb and any(crumbs[max(place - 1, 0) : place] + crumbs[place + 1 : place + 2])
        for place, crumb in enumerate(crumbs)
    ]
    result: list[Piece] = []
    for piece, again in zip(pieces, beside, strict=True):
        part = None if again else piece.part
        previous = result[-1] if result else None
        if part is None and previous is not None and previous.part is None:
            rows = previous.rows + piece.rows
            result[-1] = Piece(previous.after, piece.last, rows, None)
        else:
            result.append(Piece(piece.after, piece.last, piece.rows, part))
    return result


def tables_of(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches put together or cut, so that each but the last has so many rows."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for whole in batches:
        batch = whole
        while batch.num_rows:
            taken = batch.slice(0, rows - size)
            waiting.append(taken)
            size += taken.num_rows
            batch = batch.slice(taken.num_rows)
            if size == rows:
                yield pa.Table.from_batches(waiting)
                waiting, size = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)
