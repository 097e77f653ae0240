"""Ids of GraphQL documents, and the manifests that tools write of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.errors import InvalidInput

PREFIX = "sha256:"
HEX = re.compile(r"[0-9a-f]{64}")
LONGEST = 64_000
"""Characters: as many as a document may have that is sent as it is."""


@dataclass(frozen=True)
class TrustedText:
    sha256: bytes
    text: str

    @property
    def id(self) -> str:
        return document_id(self.sha256)


def hash_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def document_id(sha256: bytes) -> str:
    return PREFIX + sha256.hex()


def parse_document_id(text: str) -> bytes | None:
    """The hash in `sha256:HEX`; none where it is no such id."""
    if not text.startswith(PREFIX):
        return None
    return parse_hash(text.removeprefix(PREFIX))


def parse_hash(text: str) -> bytes | None:
    """The hash written as 64 hexadecimal digits; none where it is none."""
    return bytes.fromhex(text) if HEX.fullmatch(text) else None


def trusted_text(text: str, place: str) -> TrustedText:
    """A document as a client will name it: by its text, to the last space.

    Raises:
        InvalidInput: it is empty or too long.
    """
    if not text.strip() or len(text) > LONGEST:
        raise InvalidInput(f"{place}: a document has 1 to {LONGEST:,} characters.")
    return TrustedText(hash_of(text), text)


def read_manifest(content: str, place: str) -> list[TrustedText]:
    """The documents of a manifest as Relay, GraphQL Code Generator or Apollo writes it.

    Raises:
        InvalidInput: it is no such manifest, or an id isn't its document's SHA-256.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidInput(f"{place}: the manifest is not JSON.") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"{place}: a manifest is a JSON object of ids and documents.")
    found = [_entry(name, text, place) for name, text in _entries(document, place)]
    if not found:
        raise InvalidInput(f"{place}: the manifest has no documents.")
    return found


def _entries(document: Mapping[str, Any], place: str) -> Iterable[tuple[Any, Any]]:
    if document.get("format") != "apollo-persisted-query-manifest":
        return document.items()
    operations = document.get("operations")
    if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        raise InvalidInput(f"{place}: operations: takes a list of objects with `id` and `body`.")
    return [(each.get("id"), each.get("body")) for each in operations]


def _entry(name: Any, text: Any, place: str) -> TrustedText:
    if not isinstance(name, str) or not isinstance(text, str):
        raise InvalidInput(f"{place}: a manifest says for each id the text of its document.")
    digits = name.removeprefix(PREFIX)
    found = trusted_text(text, place)
    if not HEX.fullmatch(digits):
        raise InvalidInput(
            f"{place}: the id {name[:80]!r} is no SHA-256. Let the tool that writes the manifest "
            "use it: `algorithm: SHA256` for Relay, `hashAlgorithm: sha256` for GraphQL Code "
            "Generator."
        )
    if digits != found.sha256.hex():
        raise InvalidInput(f"{place}: the id {name!r} is not the SHA-256 of its document.")
    return found
