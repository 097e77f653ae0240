"""API keys: what one looks like and what its holder may do."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from api.errors import InvalidInput

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "customers:read": "Customers with their tiers, predictions, segments and strategies; "
        "includes `statistics:read` and `rules:read`.",
        "statistics:read": "Numbers of the whole business: portfolio, months, migrations, models.",
        "rules:read": "What decides: fields, tiers, policies, classes, segments and strategies.",
        "pii:read": "Names, e-mail addresses and phone numbers, shown and searched for.",
        "scores:read": "The partner feed of risk scores.",
        "policies:write": "Tier policies and classifications: stored, activated, rolled back.",
        "segments:write": "Segments: stored, changed, and who is put into them by hand.",
        "strategies:write": "Strategies: stored, changed, switched on and off.",
        "customers:write": "Single customers: created and changed, their consents, and tiers, "
        "classes and statuses set by hand.",
        "schema:read": "The schema: introspection, suggestions and GraphiQL.",
        "metrics:read": "Prometheus metrics.",
        "audit:read": "The audit log: who changed what, and who read personal data.",
        "admin": "Everything.",
    }
)
INCLUDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "customers:read": ("statistics:read", "rules:read"),
        "policies:write": ("rules:read",),
        "segments:write": ("rules:read",),
        "strategies:write": ("rules:read",),
        "admin": tuple(SCOPES),
    }
)
"""Scopes that others bring along: whoever writes rules may read them back."""
OF_EVERYBODY = "statistics:read"
"""Not brought along for who sees some customers only: it tells about the others too."""
RealmName = Literal["live", "test"]
"""The business's own database, or the one with invented customers that partners build against."""
PREFIXES: Mapping[RealmName, str] = MappingProxyType({"live": "ech_live_", "test": "ech_test_"})
PREFIX_LENGTH = 9
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6
KEY_LENGTH = PREFIX_LENGTH + RANDOM_LENGTH + CHECKSUM_LENGTH
SHOWN_LENGTH = PREFIX_LENGTH + 4
NAME_LENGTH = 100
PERSON = "person:"
"""How names of people begin, so that no key can pass for one."""
DocumentsMode = Literal["off", "allow", "only"]
DOCUMENTS_MODES: Mapping[DocumentsMode, str] = MappingProxyType(
    {
        "off": "Plain documents only: no ids of trusted documents, no persisted queries.",
        "allow": "Plain documents, and trusted ones by their ids.",
        "only": "Trusted documents only, by their ids: nothing that nobody has looked at before.",
    }
)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Caller:
    """Who sent a request: the holder of a key, or a person with a token; never either's secret."""

    key_id: int | None
    """None for people."""
    name: str
    """Stands beside what they change."""
    scopes: frozenset[str]
    owner: str | None = None
    """Whose customers they may see and change; all if there is none."""
    documents: DocumentsMode = "allow"
    realm: RealmName = "live"
    """Whose rows they see; nothing leads from one realm to the other."""

    @property
    def identity(self) -> str:
        """One for each client that limits and records count for; the same for all its keys."""
        return f"{self.realm}:{self.name}"

    @cached_property
    def granted(self) -> frozenset[str]:
        """All scopes they have, those included in others too."""
        found = set(self.scopes).union(*(INCLUDED.get(scope, ()) for scope in self.scopes))
        if self.owner is not None and not self.scopes & {OF_EVERYBODY, "admin"}:
            found.discard(OF_EVERYBODY)
        return frozenset(found)

    def may(self, scope: str) -> bool:
        return scope in self.granted


def new_key(realm: RealmName = "live") -> str:
    """A key with 190 random bits and a checksum that tells typing errors without a database."""
    body = PREFIXES[realm] + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return body + _checksum(body)


def realm_of(key: str) -> RealmName | None:
    """Which realm a key is for; none if this can't be one of our keys at all."""
    if len(key) != KEY_LENGTH or not key.isascii():
        return None
    body, checksum = key[:-CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
    if not secrets.compare_digest(_checksum(body), checksum):
        return None
    return next((name for name, prefix in PREFIXES.items() if key.startswith(prefix)), None)


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def key_hash(key: str) -> bytes:
    """What is stored of a key; it is random, so a plain SHA-256 can't be guessed back."""
    return hashlib.sha256(key.encode()).digest()


def starts_a_key(text: str) -> bool:
    return text.startswith(tuple(PREFIXES.values()))


def check_name(name: str) -> str:
    """A client's name.

    Raises:
        InvalidInput: it is empty or long, looks like a key, or like a person.
    """
    if not name.strip() or len(name) > NAME_LENGTH:
        raise InvalidInput(f"A key's name has 1 to {NAME_LENGTH} characters.")
    if starts_a_key(name) or name.startswith(PERSON):
        kind = "those of people" if name.startswith(PERSON) else "keys themselves"
        raise InvalidInput(f"A key's name can't begin as {kind} do; choose another.")
    return name


def check_documents_mode(mode: str) -> DocumentsMode:
    """What a key may do with trusted documents.

    Raises:
        InvalidInput: there is no such mode; names those there are.
    """
    for known in DOCUMENTS_MODES:
        if mode == known:
            return known
    raise InvalidInput(f"Unknown documents mode {mode!r}. There are: {', '.join(DOCUMENTS_MODES)}.")


def check_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes in the catalogue's order, each once.

    Raises:
        InvalidInput: names the unknown ones and those there are, or says that none was given.
    """
    asked = set(scopes)
    if unknown := sorted(asked - SCOPES.keys()):
        raise InvalidInput(f"Unknown scope {', '.join(unknown)}. There are: {', '.join(SCOPES)}.")
    if not asked:
        raise InvalidInput(f"A key needs at least one scope of: {', '.join(SCOPES)}.")
    return [scope for scope in SCOPES if scope in asked]
