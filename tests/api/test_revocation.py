"""A revoked key stops within a second in every worker: each remembers it for half of one."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
import structlog
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

from api.db.engine import make_async_engine
from api.db.keys import create_key, revoke_keys, rotate_key
from api.graphql.callers import REMEMBERED_SECONDS, Callers
from tests.api.conftest import clock

WORKERS = 4
SILENT = structlog.wrap_logger(structlog.ReturnLogger())


class Workers:
    """As many processes as serve, each with what it remembers, and one clock for all."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.now = 0.0
        self.statements = 0
        self.each = [
            Callers(engine, "live", clock, SILENT, seconds=lambda: self.now) for _ in range(WORKERS)
        ]
        event.listen(engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, _c: object, _cursor: object, statement: str, *_rest: object) -> None:
        self.statements += statement.startswith("SELECT")

    async def open_to(self, key: str) -> list[bool]:
        found = [await worker.holder(key) for worker in self.each]
        await asyncio.gather(*(worker.close() for worker in self.each))
        return [caller is not None for caller in found]


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[Workers]:
    engine = make_async_engine(database_url)
    yield Workers(engine)
    await engine.dispose()


async def test_no_worker_remembers_a_revoked_key_for_a_second(
    engine: Engine, workers: Workers
) -> None:
    assert REMEMBERED_SECONDS < 1
    key = create_key(engine, "shop", ["scores:read"], None, clock)
    assert await workers.open_to(key) == [True] * WORKERS
    await asyncio.to_thread(revoke_keys, engine, "shop", clock)
    workers.now = REMEMBERED_SECONDS - 0.01
    assert await workers.open_to(key) == [True] * WORKERS
    workers.now = REMEMBERED_SECONDS
    assert await workers.open_to(key) == [False] * WORKERS


async def test_a_key_is_looked_up_once_while_it_is_remembered(
    engine: Engine, workers: Workers
) -> None:
    key = create_key(engine, "shop", ["scores:read"], None, clock)
    for _ in range(3):
        await workers.open_to(key)
    assert workers.statements == WORKERS
    workers.now = REMEMBERED_SECONDS
    await workers.open_to(key)
    assert workers.statements == 2 * WORKERS


async def test_a_crowd_with_one_key_shares_one_look(engine: Engine, workers: Workers) -> None:
    key = create_key(engine, "shop", ["scores:read"], None, clock)
    worker = workers.each[0]
    found = await asyncio.gather(*(worker.holder(key) for _ in range(50)))
    assert {each.name for each in found if each is not None} == {"shop"}
    assert workers.statements == 1
    assert await asyncio.gather(*(worker.holder(f"{key}x") for _ in range(50))) == [None] * 50
    assert workers.statements == 2
    await worker.close()


async def test_keys_in_use_are_looked_up_together(engine: Engine, workers: Workers) -> None:
    keys = [create_key(engine, f"shop {n}", ["scores:read"], None, clock) for n in range(5)]
    worker = workers.each[0]
    for _ in range(2):
        for key in keys:
            assert await worker.holder(key) is not None
    assert workers.statements == 5
    await asyncio.to_thread(revoke_keys, engine, "shop 3", clock)
    workers.now = REMEMBERED_SECONDS
    found = [await worker.holder(key) for key in keys]
    assert [caller is not None for caller in found] == [True, True, True, False, True]
    assert workers.statements == 7, "one look for all, and one for the key that was not found"
    await worker.close()


async def test_who_leaves_a_crowd_takes_the_look_from_nobody(
    engine: Engine, workers: Workers
) -> None:
    key = create_key(engine, "shop", ["scores:read"], None, clock)
    first, second = (asyncio.create_task(workers.each[0].holder(key)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None
    assert first.cancelled()
    await workers.each[0].close()


async def test_both_keys_of_a_client_work_until_the_old_one_is_revoked(
    engine: Engine, workers: Workers
) -> None:
    old = create_key(engine, "shop", ["scores:read"], None, clock)
    new = rotate_key(engine, "shop", dt.timedelta(hours=1), clock).key
    assert await workers.open_to(old) == await workers.open_to(new) == [True] * WORKERS
    await asyncio.to_thread(revoke_keys, engine, old[:13], clock)
    workers.now = 1.0
    assert await workers.open_to(old) == [False] * WORKERS
    assert await workers.open_to(new) == [True] * WORKERS
