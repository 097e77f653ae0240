"""Where workers of one server count together.

Each writes its numbers to files in one folder. The Prometheus client looks for that folder once,
when it is imported, so it is named before workers start.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

SHARED = "PROMETHEUS_MULTIPROC_DIR"


def share_metrics(folder: Path) -> None:
    """Let the processes started from here on count together, from nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[SHARED] = str(folder)


def forget_worker(pid: int | None) -> None:
    """A worker has ended: what it was doing is over, what it has done stays counted."""
    if pid is not None and SHARED in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]
