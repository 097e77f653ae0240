"""What takes too long, or is for nobody any more, is broken off in the database too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from api.db.engine import Patience, make_async_engine
from api.db.snapshots import Snapshot
from api.db.writes import writing
from api.errors import TimedOut
from tests.api.conftest import Api, Seeded, running, seed
from tests.api.test_errors import SLOW

SEARCH = "{ customers(first: 1) { edges { cursor } } }"


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
