"""Installs the packages of the TypeScript client, as the tests need them: they have no network."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from api.web.node import install

FOLDER = Path(__file__).parent
PACKAGES = FOLDER / "node_modules"
STAMP = PACKAGES / "lock.sha256"


def is_installed() -> bool:
    """Whether what the lock names is there."""
    return STAMP.is_file() and STAMP.read_text() == _fingerprint()


def install_packages() -> None:
    """Install them unless they are there.

    Raises:
        NotReady: Node is missing, or the npm registry could not be reached.
    """
    if not is_installed():
        install(FOLDER, "Installing the TypeScript client's packages")
        STAMP.write_text(_fingerprint())


def _fingerprint() -> str:
    return hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()


if __name__ == "__main__":
    print("Installing the TypeScript client's packages", file=sys.stderr)
    install_packages()
