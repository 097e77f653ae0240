"""Whether the audit log is as it was written: the first entry that isn't, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Engine

from api.db.audit import chain, seal_of
from api.domain.audit import MAIN, SEAL, Entry, Head, Seals, head_of
from api.domain.checkpoints import Checkpoint


@dataclass
class AuditCheck:
    """What was found; `problem` names the first bad entry."""

    changes: int = 0
    reads: int = 0
    problem: str | None = None
    place: str | None = None


@dataclass
class _Checker:
    seals: Seals
    checkpoint: Checkpoint | None
    found: AuditCheck = field(default_factory=AuditCheck)
    named: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The ends of chains of reads that the chain of changes names."""

    def changes(self, entries: Iterator[Entry]) -> None:
        head, key_id = Head(MAIN), None
        for entry in entries:
            if not self._fits(entry, head):
                return
            if key_id is not None and self.seals.is_older(entry.key_id, than=key_id):
                self._fail(entry.place, "was sealed under a secret that had been given up by then")
                return
            head, key_id = head_of(entry), entry.key_id
            self.found.changes += 1
            if entry.action == SEAL:
                self.named.update(seal_of(entry))
            if self._contradicts(head):
                return
        wanted = self.checkpoint
        if wanted is not None and head.number < wanted.entries:
            self._fail(
                f"{MAIN}/{head.number + 1}",
                f"is missing: at the checkpoint of {wanted.at} there were {wanted.entries} "
                f"entries, now there are {head.number}",
            )

    def _contradicts(self, head: Head) -> bool:
        wanted = self.checkpoint
        if wanted is None or head.number != wanted.entries or head.hash.hex() == wanted.hash:
            return False
        self._fail(f"{MAIN}/{head.number}", f"is not the one of the checkpoint of {wanted.at}")
        return True

    def reads(self, entries: Iterator[Entry]) -> None:
        head: Head | None = None
        ends: dict[str, int] = {}
        for entry in entries:
            if head is None or head.stream != entry.stream:
                head = Head(entry.stream)
            if not self._fits(entry, head):
                return
            head = head_of(entry)
            ends[entry.stream] = head.number
            self.found.reads += 1
            number, digest = self.named.get(entry.stream, (0, ""))
            if number == head.number and digest != head.hash.hex():
                self._fail(entry.place, "is not the one that the chain of changes names")
                return
        for stream, (number, _) in self.named.items():
            if ends.get(stream, 0) < number:
                missing = f"{stream}/{ends.get(stream, 0) + 1}"
                self._fail(missing, f"is missing: the chain of changes names {number} entries")
                return

    def _fits(self, entry: Entry, head: Head) -> bool:
        if self.seals.fits(entry, head):
            return True
        if entry.number != head.number + 1:
            self._fail(f"{entry.stream}/{head.number + 1}", f"is missing before {entry.place}")
        elif not self.seals.knows(entry.key_id):
            self._fail(entry.place, "was sealed under a secret that is not given")
        else:
            self._fail(entry.place, "was altered, moved or forged, or the one before it was")
        return False

    def _fail(self, place: str, what: str) -> None:
        self.found.place, self.found.problem = place, f"The entry {place} {what}."


def check_audit(
    engine: Engine, reads: Engine, seals: Seals, checkpoint: Checkpoint | None
) -> AuditCheck:
    """Go through every entry of every chain, the chain of changes first."""
    checker = _Checker(seals, checkpoint)
    with engine.connect() as connection:
        checker.changes(chain(connection, main=True))
    if checker.found.problem is None:
        with reads.connect() as connection:
            checker.reads(chain(connection, main=False))
    return checker.found
