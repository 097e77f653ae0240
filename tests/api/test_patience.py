"""What takes too long, or is for nobody any more, is broken off in the database too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.db.engine import Patience, make_async_engine
from api.db.snapshots import Snapshot, SnapshotClosed
from api.db.writes import writing
from api.errors import TimedOut
from api.graphql.context import Context
from tests.api.conftest import Api, Seeded, running, seed
from tests.api.test_errors import SLOW

SEARCH = "{ customers(first: 1) { edges { node { owner } } } }"
"""Nothing that look-ahead answers."""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Searches take a minute; set once one has begun."""
    begun = asyncio.Event()

    async def page(snapshot: Snapshot, *_arguments: object) -> None:
        begun.set()
        await snapshot.rows(select(text(f"({SLOW[snapshot.dialect]})")))

    monkeypatch.setattr("api.graphql.customer_search.customer_page", page)
    return begun


async def leaving(api: Api, begun: asyncio.Event) -> int:
    """Asks, and leaves as soon as the statement runs; the status that nobody reads."""
    body = json.dumps({"query": SEARCH}).encode()
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body}]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await begun.wait()
        await asyncio.sleep(0.2)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [
        (b"authorization", f"Bearer {api.keys['frontend']}".encode()),
        (b"content-type", b"application/json"),
    ]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": headers}
    await api.app({**scope, "query_string": b"", "http_version": "1.1"}, receive, send)
    return statuses[0]


async def test_who_leaves_takes_the_statement_along(api: Api, slow: asyncio.Event) -> None:
    async with asyncio.timeout(20):
        assert await leaving(api, slow) == 499
        engine = api.app.state.graphql.realms.live.engine
        assert api.app.state.graphql.admission.running == 0
        if engine.dialect.name == "postgresql":
            async with engine.connect() as connection:
                running_still = await connection.scalar(
                    text(
                        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
                        "AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
                    )
                )
            assert running_still == 0
        # The connection is back in the pool and answers.
        assert (await api.send("{ tiers { key } }")).json()["data"]["tiers"]


async def test_a_session_gives_up_statements_by_itself(seeded: Seeded) -> None:
    engine = make_async_engine(seeded.url, 1, Patience(lock_seconds=1, statement_seconds=-4.5))
    if engine.dialect.name != "postgresql":
        # SQLite has no such setting: its statements are interrupted, as the test above shows.
        async with engine.connect() as connection:
            assert await connection.scalar(text("PRAGMA busy_timeout")) == 1000
    else:
        snapshot = Snapshot(engine)
        with pytest.raises(TimedOut, match="too long"):
            await snapshot.rows(select(text("pg_sleep(60)")))
        await snapshot.close()
    await engine.dispose()


async def test_a_change_waits_for_another_only_so_long(engine: Engine, database_url: str) -> None:
    change = """mutation { recordRelationshipStatus: setAttributeSensitivity(
        name: "nothing", sensitive: true) { userErrors { code } } }"""
    keys = seed(engine, 5)
    async with running(database_url, keys, settings={"lock_seconds": 0.3}) as api:
        with writing(engine):
            async with asyncio.timeout(10):
                assert await api.codes(change) == ["BUSY"]
        assert "errors" not in (await api.send(change)).json()


async def test_what_a_failed_field_leaves_behind_opens_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One field fails, so that its customer is none; others read on, and have more to read."""
    begun = asyncio.Event()

    async def slow(_customer: int, context: Context) -> None:
        begun.set()
        for _ in range(2):
            await context.snapshot.rows(select(text(f"({SLOW[context.snapshot.dialect]})")))

    async def failing(_customer: int, _context: Context) -> None:
        await begun.wait()
        await asyncio.sleep(0.2)
        raise TimedOut("It failed.")

    monkeypatch.setattr("api.graphql.customers.withheld_from", slow)
    monkeypatch.setattr("api.graphql.customers.needs_of", failing)
    document = """{ customers(first: 1) { edges { node {
        withheldStrategies { code } needs { key } } } } }"""
    async with asyncio.timeout(10):
        answer = (await api.send(document)).json()
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["TIMEOUT"]
    await asyncio.sleep(0.2)
    pool: Any = api.app.state.graphql.realms.live.engine.pool
    assert pool.checkedout() == 0


async def test_a_closed_snapshot_opens_nothing(seeded: Seeded) -> None:
    engine = make_async_engine(seeded.url, 2)
    snapshot = Snapshot(engine)
    first = asyncio.create_task(snapshot.rows(select(text("1"))))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(snapshot.rows(select(text("2"))))
    await asyncio.sleep(0)
    await snapshot.close()
    await asyncio.wait({first, waiting})
    assert isinstance(waiting.exception(), SnapshotClosed)
    with pytest.raises(SnapshotClosed):
        await snapshot.tuples("SELECT 1", (), alone=True)
    pool: Any = engine.pool
    assert pool.checkedout() == 0
    await engine.dispose()


async def test_a_loader_stops_when_its_request_is_over(seeded: Seeded) -> None:
    engine = make_async_engine(seeded.url, 1)
    snapshot = Snapshot(engine)
    statement = select(text(f"({SLOW[snapshot.dialect]})"))
    loading = asyncio.create_task(snapshot.rows(statement))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(10):
        await snapshot.close()
        await asyncio.wait({loading})
    assert isinstance(loading.exception(), SnapshotClosed)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await engine.dispose()


async def test_a_transaction_that_cannot_begin_gives_its_connection_back(
    seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_arguments: object, **_options: object) -> None:
        raise TimedOut("It failed.")

    engine = make_async_engine(seeded.url, 1)
    monkeypatch.setattr(AsyncConnection, "exec_driver_sql", failing)
    monkeypatch.setattr(AsyncConnection, "execution_options", failing)
    with pytest.raises(TimedOut):
        await Snapshot(engine).rows(select(text("1")))
    pool: Any = engine.pool
    assert pool.checkedout() == 0
    await engine.dispose()


async def test_a_connection_that_was_given_back_sees_what_is_new(
    engine: Engine, database_url: str
) -> None:
    seed(engine, 5)
    reading = make_async_engine(database_url, 1)
    owners = "SELECT DISTINCT owner FROM customers"
    snapshot = Snapshot(reading)
    assert len(await snapshot.tuples(owners, (), alone=False)) > 1
    await snapshot.close()
    with engine.begin() as connection:
        connection.execute(text("UPDATE customers SET owner = 'somebody'"))
    found = await Snapshot(reading).tuples(owners, (), alone=True)
    assert [tuple(row) for row in found] == [("somebody",)]
    await reading.dispose()
