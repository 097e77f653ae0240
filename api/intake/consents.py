"""Consents into the database; whose sharing with partners changes moves in the partner feed."""

from __future__ import annotations

from functools import partial

from api.db.bulk import MergeCounts, execute
from api.db.consents import SharingWatch
from api.intake.writing import Writing, sealed_table


def write_consents(writing: Writing) -> MergeCounts:
    """Write what customers said; the batch holds the feed's lock since it began."""
    data, key, _changed = sealed_table(writing, "customer_id")
    writer, table = writing.writer, writing.kind.table
    writer.stage("staged", table, data)
    watch = SharingWatch(partial(execute, writer.connection), "staged")
    watch.begin()
    counts = writer.merge("staged", table, key)
    if counts.added or counts.changed:
        watch.end()
    return counts
