"""A checkpoint: the end of the chain of changes at a moment, signed, to be kept elsewhere."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from api.domain.audit import START, Entry, Seals
from api.errors import InvalidInput

FORMAT = "echelon-audit-checkpoint/1"


@dataclass(frozen=True)
class Checkpoint:
    """`entries` is also the number of the last entry, whose hash is `hash`."""

    entries: int
    hash: str
    at: str
    key_id: str
    signature: str
    format: str = FORMAT

    def text(self) -> str:
        return _signed_text(self.format, self.entries, self.hash, self.at)


def _signed_text(form: str, entries: int, digest: str, at: str) -> str:
    return json.dumps([form, entries, digest, at], separators=(",", ":"))


def checkpoint_of(end: Entry | None, seals: Seals, now: dt.datetime) -> Checkpoint:
    """Sign the last entry of the chain of changes; none for a chain without entries."""
    entries, digest = (0, START.hex()) if end is None else (end.number, end.hash.hex())
    at = now.astimezone(dt.UTC).isoformat()
    key_id, signature = seals.sign(_signed_text(FORMAT, entries, digest, at))
    return Checkpoint(entries, digest, at, key_id, signature)


def parse_checkpoint(text: str, seals: Seals) -> Checkpoint:
    """A checkpoint as the command wrote it, or a line of the log that holds one.

    Raises:
        InvalidInput: it is none, was altered, or is of another installation.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    for candidate in (text, *reversed(lines)):
        try:
            found = _read(json.loads(candidate))
        except (ValueError, TypeError, KeyError):
            continue
        if not seals.signed(found.text(), found.key_id, found.signature):
            raise InvalidInput(
                "The checkpoint's signature is wrong: it was altered, or made under another secret."
            )
        return found
    raise InvalidInput(
        "The file holds no checkpoint. Make one: echelon audit checkpoint --out FILE"
    )


def _read(content: Any) -> Checkpoint:
    if content["format"] != FORMAT:
        raise ValueError("another format")
    return Checkpoint(
        int(content["entries"]),
        str(content["hash"]),
        str(content["at"]),
        str(content["key_id"]),
        str(content["signature"]),
    )
