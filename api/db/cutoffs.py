"""What a refresh drew from the customers, kept with the classifications it decided by."""

from __future__ import annotations

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc

from api.db.bulk import execute, stage
from api.db.models import Classification


def publish_cutoffs(connection: adbc.Connection, dialect: str, drawn: pa.Table, day: str) -> int:
    """Store cut-offs and counts as of `day`, a SQL literal; the number of classifications.

    A version that was to begin by this day takes over from the one before it.
    """
    table = Classification.__table__
    stage(connection, dialect, "staged_classifications", table, drawn)
    execute(
        connection,
        f"UPDATE classifications SET active = FALSE, effective_to = {day} "
        "WHERE effective_to IS NULL AND EXISTS (SELECT 1 FROM staged_classifications s "
        "JOIN classifications c ON c.id = s.id WHERE c.key = classifications.key "
        "AND c.version > classifications.version)",
    )
    return execute(
        connection,
        "UPDATE classifications SET active = TRUE, cutoffs = s.cutoffs, counts = s.counts, "
        f"as_of = {day}, decided_on = COALESCE(classifications.decided_on, {day}) "
        "FROM staged_classifications s WHERE s.id = classifications.id",
    )
