"""What is on record of who did what: entries, each sealed with a key over the one before it.

Whoever changes, removes, moves or adds an entry without the key leaves a chain that doesn't fit.
What a chain can't tell by itself, that its end is missing, a checkpoint kept elsewhere does.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from api.domain.personal_data import derive_key

ActorKind = Literal["key", "person", "command", "system"]
MAIN = "main"
"""The stream of all changes; reads of personal data have a stream for each process."""
READS = "reads-"
START = bytes(32)
SEAL = "audit.seal"
READ = "personal.read"
MOST_NAMED = 20
"""Of more customers than this, only the number is kept."""


@dataclass(frozen=True)
class Actor:
    """Who did it: a key, a person who signed in, a command, or Echelon itself."""

    kind: ActorKind
    id: str
    name: str


SYSTEM = Actor("system", "echelon", "Echelon")


@dataclass(frozen=True)
class Event:
    """What happened, before it has a place in a chain. `details` never holds personal data."""

    at: dt.datetime
    actor: Actor
    action: str
    request_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One entry as it is stored; `details` is JSON as it was sealed, to the byte."""

    stream: str
    number: int
    at: dt.datetime
    actor_kind: str
    actor_id: str
    actor: str
    action: str
    request_id: str | None
    details: str
    key_id: str
    hash: bytes

    @property
    def place(self) -> str:
        return f"{self.stream}/{self.number}"

    def sealed_text(self) -> bytes:
        """Everything but the seal, in one form only."""
        at = self.at.astimezone(dt.UTC).isoformat()
        parts = [self.stream, self.number, at, self.actor_kind, self.actor_id, self.actor]
        parts += [self.action, self.request_id, self.details]
        return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Head:
    """Where a chain ends."""

    stream: str
    number: int = 0
    hash: bytes = START


class Seals:
    """The keys of chains: entries are sealed with the first secret's, and checked with any's."""

    def __init__(self, secret: bytes, former: Iterable[bytes] = ()) -> None:
        keys = [derive_key(each, "audit") for each in (secret, *former)]
        self._keys = {hashlib.sha256(key).hexdigest()[:8]: key for key in keys}
        self._key_id = next(iter(self._keys))

    def seal(self, event: Event, head: Head) -> Entry:
        """The event as the entry that follows `head`."""
        actor = event.actor
        details = canonical(event.details)
        entry = Entry(
            head.stream,
            head.number + 1,
            event.at,
            actor.kind,
            actor.id,
            actor.name,
            event.action,
            event.request_id,
            details,
            self._key_id,
            b"",
        )
        return replace(entry, hash=self._mac(self._key_id, head.hash, entry))

    def fits(self, entry: Entry, head: Head) -> bool:
        """Whether the entry is the one that was sealed after `head`."""
        if entry.number != head.number + 1 or entry.key_id not in self._keys:
            return False
        return hmac.compare_digest(entry.hash, self._mac(entry.key_id, head.hash, entry))

    def knows(self, key_id: str) -> bool:
        return key_id in self._keys

    def is_older(self, key_id: str, than: str) -> bool:
        """Whether one secret was given up for the other, by the order they are known in."""
        known = list(self._keys)
        return known.index(key_id) > known.index(than)

    def digests(self, text: str) -> list[str]:
        """A text's fingerprints under each secret, the present one's first; keyed, so that guesses
        at what it was can't be tried."""
        keyed = b"digest\0" + text.encode()
        return [hmac.digest(key, keyed, "sha256").hex() for key in self._keys.values()]

    def sign(self, text: str) -> tuple[str, str]:
        """The signature of a checkpoint, with the id of its key."""
        return self._key_id, self._signature(self._key_id, text)

    def signed(self, text: str, key_id: str, signature: str) -> bool:
        if key_id not in self._keys:
            return False
        return hmac.compare_digest(self._signature(key_id, text), signature)

    def _signature(self, key_id: str, text: str) -> str:
        return hmac.digest(self._keys[key_id], b"checkpoint\0" + text.encode(), "sha256").hex()

    def _mac(self, key_id: str, previous: bytes, entry: Entry) -> bytes:
        return hmac.digest(self._keys[key_id], previous + entry.sealed_text(), "sha256")


def head_of(entry: Entry) -> Head:
    return Head(entry.stream, entry.number, entry.hash)


def canonical(details: Mapping[str, Any]) -> str:
    return json.dumps(details, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
