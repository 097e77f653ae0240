"""Encryption of names, e-mail addresses and phone numbers, and keyed hashes to find them by."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from api.errors import NotReady

FORMAT_VERSION = 1
KEY_ID_BYTES = 4
NONCE_BYTES = 12
HEADER_BYTES = 1 + KEY_ID_BYTES
SEALED_ELSEWHERE = (
    "Personal data was encrypted under another secret than this one. Restore the secret.key or "
    "ECHELON_SECRET_KEY that belongs to this database."
)


def derive_key(root_secret: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF-SHA-256, RFC 5869), so that no two uses share a key."""
    return HKDF(SHA256(), 32, salt=None, info=f"echelon/{purpose}".encode()).derive(root_secret)


class _Key:
    """One root secret's key for values, known by its header, and its key for look-ups."""

    def __init__(self, root_secret: bytes) -> None:
        key = derive_key(root_secret, "personal-data")
        self.aead = AESGCM(key)
        self.header = bytes([FORMAT_VERSION]) + hashlib.sha256(key).digest()[:KEY_ID_BYTES]
        self._lookup = derive_key(root_secret, "personal-data-lookup")

    def lookup_hash(self, field: str, value: str) -> bytes:
        return hmac.digest(self._lookup, f"{field}\0{value}".encode(), "sha256")


class PersonalDataCipher:
    """AES-256-GCM with the key's id in front of each value, and HMAC-SHA-256 for look-ups.

    A value is bound to its field and its customer: copied to another row, it won't open. Everything
    is sealed under the first secret; values of `previous` ones still open, and what is looked up is
    looked up under each, until all is sealed anew.
    """

    def __init__(self, root_secret: bytes, previous: Iterable[bytes] = ()) -> None:
        self._keys = [_Key(root_secret), *map(_Key, previous)]
        self._by_header = {key.header: key for key in reversed(self._keys)}

    @property
    def header(self) -> bytes:
        """What each value begins with that is sealed under the present secret."""
        return self._keys[0].header

    @property
    def key_id(self) -> str:
        """What the present secret is known by; says nothing of it."""
        return self.header[1:].hex()

    def knows(self, key_id: str) -> bool:
        """Whether the secret of this id is the present one or a previous one."""
        return any(header[1:].hex() == key_id for header in self._by_header)

    @property
    def rotating(self) -> bool:
        """Whether there may be values of previous secrets."""
        return len(self._keys) > 1

    def encrypt(self, field: str, owner: str, value: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        key = self._keys[0]
        return key.header + nonce + key.aead.encrypt(nonce, value.encode(), _bound(field, owner))

    def decrypt(self, field: str, owner: str, sealed: bytes) -> str:
        """Open a value.

        Raises:
            NotReady: it was sealed under a secret that isn't known, or for another row.
        """
        key = self._by_header.get(sealed[:HEADER_BYTES])
        start = HEADER_BYTES + NONCE_BYTES
        nonce, body = sealed[HEADER_BYTES:start], sealed[start:]
        try:
            if key is None:
                raise InvalidTag
            return key.aead.decrypt(nonce, body, _bound(field, owner)).decode()
        except InvalidTag:
            raise NotReady(SEALED_ELSEWHERE) from None

    def sealed(self, value: bytes) -> bool:
        """Whether a ciphertext was made under the present secret."""
        return value.startswith(self.header)

    def opens(self, value: bytes) -> bool:
        """Whether a ciphertext was made under any secret that is known."""
        return value[:HEADER_BYTES] in self._by_header

    def lookup_hash(self, field: str, value: str) -> bytes:
        """32 bytes that are equal for equal values of a field, and say nothing without the key."""
        return self._keys[0].lookup_hash(field, value)

    def lookup_hashes(self, field: str, value: str) -> list[bytes]:
        """The hashes that a value may be stored with."""
        return [key.lookup_hash(field, value) for key in self._keys]

    def name_tokens(self, name: str) -> set[bytes]:
        """One keyed hash per word of a name; a Chinese name also by each of its characters."""
        return {self.lookup_hash("name", word) for word in name_words(name)}

    def name_lookups(self, name: str) -> list[list[bytes]]:
        """For each word of a name the tokens that it may be stored with."""
        return [self.lookup_hashes("name", word) for word in sorted(name_words(name))]


def _bound(field: str, owner: str) -> bytes:
    return f"{field}\0{owner}".encode()


def name_words(name: str) -> set[str]:
    """The words a name is found by: case and accents folded, Han characters one by one."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    folded = "".join(char for char in folded if not unicodedata.combining(char))
    words = set(re.findall(r"\w+", folded))
    return words | {char for word in words for char in word if "\u4e00" <= char <= "\u9fff"}
