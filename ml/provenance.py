"""Which code made a model: the commit of a checkout, else the version of the package."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_SECONDS = 10


def code_version(root: Path = ROOT) -> dict[str, str]:
    """`package_version`, and in a git checkout `git_commit` and `git_dirty` ("true" or "false")."""
    found = {"package_version": importlib.metadata.version("echelon")}
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    if commit:
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
        found |= {"git_commit": commit, "git_dirty": "true" if changed else "false"}
    return found


def _git(root: Path, *words: str) -> str | None:
    """What git says; None where it is not installed or refuses, which no training fails by."""
    program = shutil.which("git")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - our own words only
            [program, "-C", str(root), *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip()
