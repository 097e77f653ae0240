"""A database with a folder for parts of its feed, exported in the process of the test."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text, true

from api.db.consents import Word, record_word
from api.db.score_rows import export_statements
from api.db.writes import writing
from api.domain.feed_cursors import FeedCursors
from api.exports.job import Job
from api.exports.running import prepare_parts, run_job
from tests.api.seed_facts import NOW
from tests.exports.reading import rows_of

CUSTOMERS = 60
ROWS = 8
"""In a part of these tests."""
CURSORS = FeedCursors(b"k" * 32)


@dataclass
class Place:
    """A database with a folder for its parts."""

    engine: Engine
    url: str
    folder: Path

    def __post_init__(self) -> None:
        statements = export_statements(self.engine.dialect.name, true(), None, everything=True)
        job = Job("arrow", "feed", statements.rows, statements.count, -1, -1, 2)
        self.direct, self.kept = job, replace(job, parts=str(self.folder))

    def export(self, job: Job, kind: str = "arrow") -> bytes:
        self.engine.dispose()
        sink = io.BytesIO()
        sink.close = lambda: None  # type: ignore[method-assign]
        run_job(self.url, replace(job, format=kind), CURSORS, lambda _found: sink)
        return sink.getvalue()

    def rows(self, job: Job) -> list[dict[str, Any]]:
        return rows_of("arrow", self.export(job))

    def prepare(self) -> int:
        self.engine.dispose()
        return prepare_parts(self.url, self.folder, 2, lambda _done, _rows: None)

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.part"))

    def say(self, customer: int, granted: bool, minute: int) -> None:
        moment = NOW.replace(minute=minute)
        with writing(self.engine) as connection:
            word = Word(customer, "profiling", "any", moment, granted, None)
            record_word(connection, word, "test", moment)

    def run(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement))
