"""The root secrets of an installation: the present one and those before it, where each is kept."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

PLAIN = re.compile(rb"[!-+\--~]+")
"""Survives in a list as it is: without white space, commas, or anything but ASCII."""
ENCODED = b"base64:"


def listed(secret: bytes) -> bytes:
    """A secret as it is written where several stand."""
    if PLAIN.fullmatch(secret) and not secret.startswith(ENCODED):
        return secret
    return ENCODED + base64.b64encode(secret)


def _unlisted(text: bytes) -> bytes:
    """Raises:
    ValueError: it says to be base64 and is not.
    """
    if not text.startswith(ENCODED):
        return text
    try:
        return base64.b64decode(text.removeprefix(ENCODED), validate=True)
    except binascii.Error:
        raise ValueError("one begins with base64: and is not") from None


class SecretSettings(BaseSettings):
    """The part of the settings that secrets come from."""

    data_dir: Path = Field(
        default=Path("var"),
        description="Folder for everything Echelon keeps on disk: the default database, the fact "
        "store, models, logs and the generated secret.",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Root secret, at least 32 characters: encrypts personal data, signs cursors. "
        "Default: generated once into `secret.key` in the data folder.",
    )
    previous_secret_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Earlier root secrets, comma-separated, newest first: what they encrypted "
        "still opens, and `echelon secrets rotate` moves it to the present one. One with commas "
        "or white space is written as `base64:` and its base64. "
        "Default: the lines of `secret.key.previous` in the data folder.",
    )

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 32:
            raise ValueError("needs at least 32 characters")
        return value

    @field_validator("previous_secret_keys")
    @classmethod
    def _each_long_enough(cls, value: SecretStr) -> SecretStr:
        if any(len(each) < 32 for each in _previous(value)):
            raise ValueError(
                "each needs at least 32 characters; one with a comma is written as base64:..."
            )
        return value

    @property
    def secret_file(self) -> Path:
        return self.data_dir / "secret.key"

    @property
    def previous_secret_file(self) -> Path:
        return self.data_dir / "secret.key.previous"

    def previous_secrets(self) -> list[bytes]:
        """Root secrets that were in use before, newest first."""
        known = _previous(self.previous_secret_keys)
        if not known and self.previous_secret_file.is_file():
            lines = self.previous_secret_file.read_bytes().split()
            known = [_unlisted(each) for each in reversed(lines)]
        return [each for each in known if each != self.root_secret()]

    def root_secret(self) -> bytes:
        """The root secret; generated once into the data folder, readable by its owner only."""
        if value := self.secret_key.get_secret_value():
            return value.encode()
        path = self.secret_file
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes().strip()
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        return path.read_bytes().strip()


def _previous(value: SecretStr) -> list[bytes]:
    given = value.get_secret_value()
    return [_unlisted(each.strip().encode()) for each in given.split(",")] if given else []
