"""One export from its statements to its bytes, in whatever process: a worker's or a command's."""

from __future__ import annotations

from collections.abc import Callable

from api.db.score_export import Snapshot, export_snapshot
from api.domain.feed_cursors import FeedCursors, expired
from api.exports.columns import Shaper
from api.exports.encodings import Sink, encoder
from api.exports.job import Found, Job


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
        found, shaper = _look(snapshot, job, last)
        target = sink(found)
        if target is None:
            return found
        known = job.known if job.read >= 0 else last
        facts = {
            "rows": str(found.rows),
            "modelVersion": found.model_version,
            "asOf": found.as_of,
            "cursor": cursors.encode(job.listing, last, last),
        }
        prefix = cursors.prefix(job.listing, known)
        writer = encoder(job.format, target, facts, prefix, job.coding)
        for batch in snapshot.rows(job.rows_sql):
            if batch.num_rows:
                writer.write(shaper.shape(batch))
        writer.close()
        return found


def _look(snapshot: Snapshot, job: Job, last: int) -> tuple[Found, Shaper]:
    runs = snapshot.runs()
    versions = {
        int(run["id"]): f"churn-{run['churn_version']}/clv-{run['clv_version']}" for run in runs
    }
    newest = runs[-1] if runs else None
    found = Found(
        rows=snapshot.count(job.count_sql),
        last=last,
        model_version=versions[int(newest["id"])] if newest else "",
        as_of=str(newest["as_of"]) if newest else "",
    )
    return found, Shaper(versions, job.exponent)
