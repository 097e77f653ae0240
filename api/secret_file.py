"""The root secret of an installation that was given none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def secret_in(folder: Path) -> bytes:
    """The folder's secret, generated there once, readable by its owner only."""
    path = folder / "secret.key"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_bytes().strip()
