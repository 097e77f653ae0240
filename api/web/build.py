"""Builds the GraphiQL page from our sources with the Node that pip installed."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from api.web.node import install, run_node
from api.web.pages import GRAPHIQL_DIR

SOURCES = Path(__file__).parent / "graphiql"
STAMP = "sources.sha256"
SCRATCH_PREFIX = ".graphiql-"
FAILING = "Building the GraphiQL page"
ABANDONED_AFTER_SECONDS = 3600

Progress = Callable[[str, float], None]


def build_graphiql(target: Path | None = None, progress: Progress | None = None) -> Path:
    """Build the page into `target` unless it is there already; returns the folder.

    The folder appears whole or not at all: the work happens beside it and ends in a rename.

    Raises:
        NotReady: Node is not installed, or installing or building failed.
    """
    target = target or GRAPHIQL_DIR
    report = progress or (lambda _step, _share: None)
    stamp = _fingerprint()
    if _is_current(target, stamp):
        report("GraphiQL is built", 1.0)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, dir=target.parent) as scratch:
        folder = Path(scratch) / "page"
        _copy_sources(folder)
        report("Installing GraphiQL", 0.05)
        install(folder, FAILING)
        report("Building GraphiQL", 0.75)
        vite = folder / "node_modules/vite/bin/vite.js"
        run_node([vite, "build", "--logLevel", "error"], folder, FAILING)
        (folder / "dist" / STAMP).write_text(stamp)
        _put_in_place(folder / "dist", target, Path(scratch) / "old", stamp)
    report("GraphiQL is built", 1.0)
    return target


def is_built(target: Path | None = None) -> bool:
    """Whether the page is there and made of the sources as they are now."""
    return _is_current(target or GRAPHIQL_DIR, _fingerprint())


def _sources() -> Iterator[Path]:
    """Our own files, in a stable order; what a developer's npm left beside them is not ours."""
    foreign = {"node_modules", "dist"}
    for path in sorted(SOURCES.rglob("*")):
        if path.is_file() and not foreign & set(path.relative_to(SOURCES).parts):
            yield path


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in _sources():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(SOURCES).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _is_current(target: Path, stamp: str) -> bool:
    try:
        return (target / STAMP).read_text() == stamp
    except FileNotFoundError:
        return False


def _sweep(folder: Path) -> None:
    """Remove what builds left behind that were killed; one under way is never that old."""
    for left in folder.glob(f"{SCRATCH_PREFIX}*"):
        if time.time() - left.stat().st_mtime > ABANDONED_AFTER_SECONDS:
            shutil.rmtree(left)


def _copy_sources(folder: Path) -> None:
    for path in _sources():
        copy = folder / path.relative_to(SOURCES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _put_in_place(built: Path, target: Path, old: Path, stamp: str) -> None:
    """Swap the folders; a build that finished at the same moment may win, being the same."""
    with suppress(FileNotFoundError):
        target.rename(old)
    try:
        built.rename(target)
    except OSError:
        if not _is_current(target, stamp):
            raise


if __name__ == "__main__":
    build_graphiql(progress=lambda step, _share: print(step, file=sys.stderr))
