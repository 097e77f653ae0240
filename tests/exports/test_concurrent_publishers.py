"""Who polls the feed while others publish ends with exactly what is published, each entry once."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Engine, select, text, true
from sqlalchemy.ext.asyncio import AsyncEngine

from api.db.engine import make_async_engine
from api.db.feed import FeedPosition, shown
from api.db.models import Prediction
from api.db.scores import feed_page
from api.db.snapshots import Snapshot
from tests.api.seed import Seeder
from tests.conftest import TEST_SECRET
from tests.exports.publishers import publish_often, speak_often

CUSTOMERS = 40
TIMES = 12
PAGE = 3
WHERE: dict[str, ColumnElement[bool]] = {
    "everybody": true(),
    "at risk": Prediction.churn_probability >= 0.5,
}


@dataclass
class Poller:
    """A partner: a copy of the feed, and the place in it; pages of a few entries."""

    where: ColumnElement[bool]
    size: int
    position: FeedPosition | None = None
    copy: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    told: set[tuple[int, int]] = field(default_factory=set)

    async def poll(self, engine: AsyncEngine) -> bool:
        """Read one page; whether there is more."""
        snapshot = Snapshot(engine)
        try:
            page = await feed_page(snapshot, self.where, self.position, self.size)
        finally:
            await snapshot.close()
        revisions = [row.revision for row in page.rows]
        assert revisions == sorted(set(revisions))
        assert self.position is None or all(each > self.position.revision for each in revisions)
        for row in page.rows:
            assert (row.customer_id, row.revision) not in self.told, "told twice"
            self.told.add((row.customer_id, row.revision))
            if row.ended:
                # An end that is not known to be new is told to be safe: see ADR 33.
                self.copy.pop(row.customer_id, None)
            else:
                self.copy[row.customer_id] = told(row)
        self.position = page.end
        return page.has_next


def told(row: Any) -> tuple[Any, ...]:
    return row.revision, row.churn_probability, row.clv_minor, row.external_id


def published(engine: Engine, where: ColumnElement[bool]) -> dict[int, tuple[Any, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(select(Prediction.__table__).where(shown(where))).all()
    return {row.customer_id: told(row) for row in rows}


def seed(engine: Engine) -> None:
    Seeder(engine, TEST_SECRET.encode(), CUSTOMERS).run()
    if engine.dialect.name == "postgresql":  # the seed numbers its rows by itself
        with engine.begin() as connection:
            for table in ("refresh_runs", "import_batches"):
                connection.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000)")
                )


def begin(work: Callable[..., None], *arguments: Any) -> Any:
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    return process


async def test_pollers_beside_publishers_miss_nothing_and_hear_nothing_twice(
    engine: Engine, database_url: str
) -> None:
    await asyncio.to_thread(seed, engine)
    processes = [
        begin(publish_often, database_url, CUSTOMERS, TIMES, 1),
        begin(publish_often, database_url, CUSTOMERS, TIMES, 2),
        begin(speak_often, database_url, CUSTOMERS, 3 * TIMES, 3),
    ]
    pollers = {name: Poller(where, PAGE) for name, where in WHERE.items()}
    reading = make_async_engine(database_url, 2)
    pages = 0
    try:
        while any(process.is_alive() for process in processes):
            for poller in pollers.values():
                await poller.poll(reading)
            pages += 1
            await asyncio.sleep(0.002)
        for poller in pollers.values():
            while await poller.poll(reading):
                pass
    finally:
        await reading.dispose()
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert pages > 10
    for name, poller in pollers.items():
        expected = await asyncio.to_thread(published, engine, WHERE[name])
        assert poller.copy == expected, name
        assert expected
        assert len(poller.told) > 2 * len(expected), "they were told of changes on the way"
