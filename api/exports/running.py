"""One export from its statements to its bytes, in whatever process: a worker's or a command's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.db.score_export import Snapshot, export_snapshot
from api.domain.feed_cursors import FeedCursors, expired
from api.exports.columns import Shaper
from api.exports.encodings import Encoder, Sink, encoder
from api.exports.job import Found, Job
from api.exports.parts import PartsFolder
from api.exports.whole import WholeFeed


def run_job(
    url: str, job: Job, cursors: FeedCursors, sink: Callable[[Found], Sink | None]
) -> Found:
    """Read and write one export; `sink` gets what is known first, and says where bytes go.

    Raises:
        CursorExpired: ends of scores are gone that this reader never heard of.
    """
    with export_snapshot(url) as snapshot:
        last, floor = snapshot.state()
        if job.read >= 0 and max(job.read, job.known) < floor:
            raise expired()
        runs = snapshot.runs()
        if not job.parts:
            found = _found(runs, last, snapshot.count(job.count_sql))
            if (target := sink(found)) is not None:
                _write_rows(snapshot, job, cursors, found, target, _shaper(runs, job.exponent))
            return found
        with _whole(snapshot, url, Path(job.parts), job.exponent, runs, last) as whole:
            found = _found(runs, last, whole.look())
            if (target := sink(found)) is not None:
                writer = _encoder(job, cursors, found, target)
                for body in whole.bodies():
                    writer.write_part(body)
                writer.close()
            return found


def prepare_parts(
    url: str, folder: Path, exponent: int, progress: Callable[[int, int], None]
) -> int:
    """Make what exports of the whole feed are answered from, and remove what is no longer true.

    `progress` gets how many rows of how many are ready. Returns how many parts had to be written.
    """
    with export_snapshot(url) as snapshot:
        last, _ = snapshot.state()
        runs = snapshot.runs()
        with _whole(snapshot, url, folder, exponent, runs, last) as whole:
            whole.thorough = True
            rows = whole.look()
            for done in whole.ready():
                progress(done, rows)
            return whole.made


@contextmanager
def _whole(
    snapshot: Snapshot, url: str, folder: Path, exponent: int, runs: list[dict[str, Any]], last: int
) -> Iterator[WholeFeed]:
    dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
    marks = {int(run["id"]): f"{run['published_at']} {run['fingerprint']}" for run in runs}
    shaper = _shaper(runs, exponent)
    whole = WholeFeed(snapshot, dialect, shaper, marks, last, PartsFolder(folder))
    try:
        yield whole
    finally:
        whole.close()


def _write_rows(
    snapshot: Snapshot, job: Job, cursors: FeedCursors, found: Found, target: Sink, shaper: Shaper
) -> None:
    writer = _encoder(job, cursors, found, target)
    for batch in snapshot.rows(job.rows_sql):
        if batch.num_rows:
            writer.write(shaper.shape(batch))
    writer.close()


def _encoder(job: Job, cursors: FeedCursors, found: Found, target: Sink) -> Encoder:
    facts = {
        "rows": str(found.rows),
        "modelVersion": found.model_version,
        "asOf": found.as_of,
        "cursor": cursors.encode(job.listing, found.last, found.last),
    }
    known = job.known if job.read >= 0 else found.last
    prefix = cursors.prefix(job.listing, known)
    return encoder(job.format, target, facts, prefix, job.coding)


def _shaper(runs: list[dict[str, Any]], exponent: int) -> Shaper:
    return Shaper({int(run["id"]): _version(run) for run in runs}, exponent)


def _version(run: dict[str, Any]) -> str:
    return f"churn-{run['churn_version']}/clv-{run['clv_version']}"


def _found(runs: list[dict[str, Any]], last: int, rows: int) -> Found:
    newest = runs[-1] if runs else None
    version = "" if newest is None else _version(newest)
    return Found(rows, last, version, "" if newest is None else str(newest["as_of"]))
