"""Parts of the feed prepared as a refresh does it, and compared with the database row for row."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import true

from api.db.score_rows import export_statements
from api.domain.feed_cursors import FeedCursors
from api.exports.job import Job
from api.exports.running import prepare_parts, run_job


def prepared(url: str) -> dict[str, Any]:
    """What a refresh does for exports after it has published, and again when nothing has changed;
    it compares what both ways tell."""
    cursors = FeedCursors(b"k" * 32)
    statements = export_statements("postgresql", true(), None, everything=True)
    job = Job("arrow", "feed", statements.rows, statements.count, -1, -1, 2)
    with tempfile.TemporaryDirectory(prefix="echelon-bench-") as name:
        folder = Path(name) / "exports"
        times = []
        for _ in range(2):
            started = time.perf_counter()
            prepare_parts(url, folder, 2, lambda _done, _rows: None)
            times.append(time.perf_counter() - started)
        size = sum(path.stat().st_size for path in folder.iterdir())
        files = []
        for each in (job, replace(job, parts=str(folder))):
            path = Path(name) / f"{len(files)}.arrow"
            with path.open("wb") as file:
                run_job(url, each, cursors, lambda _found, to=file: to)
            files.append(path)
        direct, kept = (pa.ipc.open_stream(pa.memory_map(str(path))).read_all() for path in files)
        if not direct.equals(kept):
            raise SystemExit("The parts differ from the feed.")
    return {"prepare_seconds": times[0], "prepare_again_seconds": times[1], "parts_mb": size / 1e6}
