"""API keys: what one looks like and what its holder may do."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from api.errors import InvalidInput

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "customers:read": "Customers with their tiers, predictions, segments and strategies.",
        "pii:read": "Names, e-mail addresses and phone numbers, shown and searched for.",
        "scores:read": "The partner feed of risk scores.",
        "policies:write": "Tier policies and classifications: stored, activated, rolled back.",
        "segments:write": "Segments: stored, changed, and who is put into them by hand.",
        "strategies:write": "Strategies: stored, changed, switched on and off.",
        "customers:write": "Tiers, classes and statuses of single customers, set by hand.",
        "schema:read": "The schema: introspection, suggestions and GraphiQL.",
        "metrics:read": "Prometheus metrics.",
        "admin": "Everything.",
    }
)
PREFIX = "ech_live_"
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6
SHOWN_LENGTH = len(PREFIX) + 4
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Caller:
    """Who sent a request: a key, never the key itself."""

    key_id: int
    name: str
    scopes: frozenset[str]
    owner: str | None = None
    """Whose customers they may see and change; all if there is none."""

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


def new_key() -> str:
    """A key with 190 random bits and a checksum that tells typing errors without a database."""
    body = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return body + _checksum(body)


def well_formed(key: str) -> bool:
    """Whether this can be one of our keys at all."""
    if len(key) != len(PREFIX) + RANDOM_LENGTH + CHECKSUM_LENGTH or not key.startswith(PREFIX):
        return False
    body, checksum = key[:-CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
    return key.isascii() and secrets.compare_digest(_checksum(body), checksum)


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
