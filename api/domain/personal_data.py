"""Encryption of names, e-mail addresses and phone numbers, and keyed hashes to find them by."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from api.errors import NotReady

FORMAT_VERSION = 1
KEY_ID_BYTES = 4
NONCE_BYTES = 12
SEALED_ELSEWHERE = (
    "Personal data was encrypted under another secret than this one. Restore the secret.key or "
    "ECHELON_SECRET_KEY that belongs to this database."
)


def derive_key(root_secret: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF-SHA-256, RFC 5869), so that no two uses share a key."""
    return HKDF(SHA256(), 32, salt=None, info=f"echelon/{purpose}".encode()).derive(root_secret)


class PersonalDataCipher:
    """AES-256-GCM with the key's id in front of each value, and HMAC-SHA-256 for look-ups.

    A value is bound to its field and its customer: copied to another row, it won't open.
    """

    def __init__(self, root_secret: bytes) -> None:
        key = derive_key(root_secret, "personal-data")
        self._aead = AESGCM(key)
        self._header = bytes([FORMAT_VERSION]) + hashlib.sha256(key).digest()[:KEY_ID_BYTES]
        self._lookup_key = derive_key(root_secret, "personal-data-lookup")

    def encrypt(self, field: str, owner: str, value: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, value.encode(), f"{field}\0{owner}".encode())
        return self._header + nonce + sealed

    def decrypt(self, field: str, owner: str, sealed: bytes) -> str:
        """Open a value.

        Raises:
            NotReady: it was sealed under another secret, or for another row.
        """
        start = len(self._header)
        nonce, body = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            if sealed[:start] != self._header:
                raise InvalidTag
            return self._aead.decrypt(nonce, body, f"{field}\0{owner}".encode()).decode()
        except InvalidTag:
            raise NotReady(SEALED_ELSEWHERE) from None

    def sealed(self, value: bytes) -> bool:
        """Whether a ciphertext was made under this secret."""
        return value.startswith(self._header)

    def lookup_hash(self, field: str, value: str) -> bytes:
        """32 bytes that are equal for equal values of a field, and say nothing without the key."""
        return hmac.digest(self._lookup_key, f"{field}\0{value}".encode(), "sha256")

    def name_tokens(self, name: str) -> set[bytes]:
        """One keyed hash per word of a name; a Chinese name also by each of its characters."""
        return {self.lookup_hash("name", word) for word in name_words(name)}


def name_words(name: str) -> set[str]:
    """The words a name is found by: case and accents folded, Han characters one by one."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    folded = "".join(char for char in folded if not unicodedata.combining(char))
    words = set(re.findall(r"\w+", folded))
    return words | {char for word in words for char in word if "\u4e00" <= char <= "\u9fff"}
