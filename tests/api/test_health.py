"""Health and metrics tell the truth, and to whom it may be told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, delete, text
from starlette.types import Receive, Scope, Send

from api.db.models import Prediction
from api.drain import STATE, Drain
from api.errors import NotReady
from api.health import REMEMBERED_SECONDS, STALE_SECONDS, State
from tests.api.conftest import Api, Seeded, running
from tests.api.seed_facts import NOW


async def test_a_served_installation_is_ready(api: Api) -> None:
    assert (await api.client.get("/health/live")).json() == {"status": "ok"}
    ready = await api.client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "problems": [], "warnings": []}


async def test_stale_scores_are_a_warning_only(seeded: Seeded) -> None:
    async with running(seeded.url, seeded.keys, clock=lambda: NOW + dt.timedelta(days=400)) as api:
        ready = await api.client.get("/health/ready")
    assert (ready.status_code, ready.json()["problems"]) == (200, [])
    assert "echelon refresh" in ready.json()["warnings"][0]


async def test_probes_ask_the_database_once_a_second_and_liveness_never(api: Api) -> None:
    async with api.statements() as sent:
        for _ in range(5):
            assert (await api.client.get("/health/ready")).status_code == 200
        first = len(sent)
        for _ in range(5):
            await api.client.get("/health/live")
            await api.client.get("/health/ready")
    assert len(sent) == first
    asked = [each for each in sent if "FROM predictions" in each]
    assert len(asked) == 1


async def test_a_server_about_to_end_says_so_and_closes_its_connections(api: Api) -> None:
    drain = Drain()
    state = {STATE: drain}

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        await api.app({**scope, "state": dict(state)}, receive, send)

    transport = httpx.ASGITransport(app=served)
    async with httpx.AsyncClient(transport=transport, base_url="http://echelon") as client:
        assert (await client.get("/health/ready")).status_code == 200
        drain.begin()
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        assert ready.headers["connection"] == "close"
        headers = {"Authorization": f"Bearer {api.keys['admin']}"}
        answer = await client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert (await client.get("/health/live")).status_code == 200


async def test_who_asks_often_is_answered_at_once_and_never_with_what_is_old(
    own_api: Api, engine: Engine
) -> None:
    readiness = own_api.app.state.readiness
    readiness.seconds = lambda: moment
    moment = 100.0
    assert await readiness.state() == State()
    with engine.begin() as connection:
        connection.execute(delete(Prediction))
    none = "No scores are published yet. Run: echelon refresh"
    async with own_api.statements() as sent:
        moment += REMEMBERED_SECONDS - 0.01
        assert await readiness.state() == State()
        await readiness.close()
        assert not sent
        moment += 0.01
        assert await readiness.state() == State(), "what is asked meanwhile nobody waits for"
        await readiness.close()
        assert sent
    assert await readiness.state() == State((none,))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'another'"))
    moment += STALE_SECONDS
    assert "schema" in (await readiness.state()).problems[0]


async def test_without_scores_it_is_not_ready(own_api: Api, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(Prediction))
    ready = await own_api.client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["problems"] == ["No scores are published yet. Run: echelon refresh"]
    assert (await own_api.client.get("/health/live")).status_code == 200


async def test_with_another_schema_it_is_not_ready(own_api: Api, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'another'"))
    ready = await own_api.client.get("/health/ready")
    assert ready.status_code == 503
    assert "schema" in ready.json()["problems"][0]


async def test_without_its_tables_it_is_not_ready(own_api: Api, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE predictions RENAME TO elsewhere"))
    ready = await own_api.client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["problems"] == ["The database can't be reached."]


async def test_it_does_not_start_on_a_database_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="echelon db upgrade"):
        async with running(f"sqlite:///{tmp_path / 'none.db'}", {}):
            pytest.fail("it started")


@pytest.mark.parametrize(("key", "status"), [("monitor", 200), ("admin", 200), ("frontend", 403)])
async def test_metrics_need_their_scope(api: Api, key: str, status: int) -> None:
    await api.send("{ nothing }")
    headers = {"Authorization": f"Bearer {api.keys[key]}"}
    answer = await api.client.get("/metrics", headers=headers)
    assert answer.status_code == status
    shown = 'echelon_graphql_errors_total{code="VALIDATION_FAILED"} 1.0' in answer.text
    counted = (
        'echelon_requests_total{method="POST",path="/graphql",status="200"} 1.0' in answer.text
    )
    assert shown == counted == (status == 200)
