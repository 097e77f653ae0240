"""Health and metrics tell the truth, and to whom it may be told."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, text

from api.db.models import Prediction
from api.errors import NotReady
from tests.api.conftest import Api, running


async def test_a_served_installation_is_ready(api: Api) -> None:
    assert (await api.client.get("/health/live")).json() == {"status": "ok"}
    ready = await api.client.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "problems": []})


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
