"""Personal data is nowhere in the clear: in no table and no file, whatever has written it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from api.db.keys import create_key
from api.db.models import Base
from api.intake import import_facts
from api.settings import Settings
from tests.api.conftest import Api, running
from tests.refresh.business import BUYERS, DAY, NOW, open_business

IMPORTED = {
    "customers": "customer_id,known_at,name,email,phone,owner\n"
    "C1,2025-06-01,Zyxwine Quill,zyxwine.quill@example.org,+442071838750,east\n"
    "C2,2025-06-01,王小明珠,xiaoming.zhu@example.org,+442071838751,west\n"
    "C3,2025-06-01,Brokenia Quince,no address at all zq,+442071838752,west\n",
    "identifiers": "customer_id,kind,value\nC1,card,CARD-77-8899-ZQ\n",
    "feedback": "feedback_id,customer_id,given_at,category,comment\n"
    "1,C1,2026-01-05,service,My neighbour Zorblat was rude\n",
    "purchase_intents": "customer_id,stated_at,intent,refusal_reason,wanted_feature\n"
    "C1,2026-02-01,refused,My sister Quenbora fell ill,A ramp for Xandora\n",
    "consents": "customer_id,purpose,channel,recorded_at,granted,proof\n"
    "C1,profiling,web,2026-02-01,true,Letter of Mr Vexworth\n",
}
CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "mutation ($i: CreateCustomerInput!) { a: createCustomer(input: $i, idempotencyKey: "
        '"k1") { customer { name email phone } userErrors { message } } }',
        {
            "externalId": "N1",
            "name": "Plimsoll Wexford",
            "email": "plim.wexford@example.org",
            "phone": "+442071838760",
        },
    ),
    (
        "mutation ($i: UpdateCustomerInput!) { a: updateCustomer(input: $i, idempotencyKey: "
        '"k2") { customer { name } userErrors { message } } }',
        {"externalId": "C2", "expectedVersion": 2, "name": "Thistle Umbergrove"},
    ),
    (
        "mutation ($i: RecordStrategyActionInput!) { a: recordStrategyAction(input: $i) { "
        "action { note } userErrors { message } } }",
        {
            "externalId": "C1",
            "strategy": "retention_call",
            "status": "PLANNED",
            "note": "Ask about Gribbleton",
        },
    ),
    (
        "mutation ($i: RecordConsentInput!) { a: recordConsent(input: $i) { "
        "consents { proof } userErrors { message } } }",
        {
            "externalId": "C1",
            "purpose": "profiling",
            "channel": "web",
            "granted": False,
            "proof": "Call of Ms Yarrowdale",
        },
    ),
)
SECRETS = (
    "Zyxwine",
    "zyxwine",
    "Quill",
    "王小明珠",
    "xiaoming.zhu",
    "Brokenia",
    "no address at all zq",
    "442071838750",
    "442071838751",
    "442071838752",
    "CARD-77-8899-ZQ",
    "Zorblat",
    "Quenbora",
    "Xandora",
    "Vexworth",
    "Plimsoll",
    "plim.wexford",
    "442071838760",
    "Umbergrove",
    "Gribbleton",
    "Yarrowdale",
)


def values(engine: Engine) -> Iterator[tuple[str, bytes]]:
    """Every value of every table, as bytes, by table and column."""
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(text(f"SELECT * FROM {table}")).mappings():
                for name, value in row.items():
                    raw = bytes(value) if isinstance(value, bytes | memoryview) else None
                    shown = (
                        json.dumps(value, ensure_ascii=False, default=str) if raw is None else ""
                    )
                    yield f"{table}.{name}", raw if raw is not None else shown.encode()


def files(engine: Engine, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the installation, and those that PostgreSQL keeps its database in."""
    for path in folder.rglob("*"):
        if path.is_file() and "source" not in path.name:
            yield str(path), path.read_bytes()
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CHECKPOINT"))
            where = connection.scalar(text("SHOW data_directory"))
            number = connection.scalar(
                text("SELECT oid FROM pg_database WHERE datname = current_database()")
            )
        for path in (Path(str(where)) / "base" / str(number)).iterdir():
            yield str(path), path.read_bytes()


def bring_everything(engine: Engine, url: str, settings: Settings, source: Path) -> None:
    for kind, rows in IMPORTED.items():
        source.write_text(rows)
        report = import_facts(
            engine,
            url,
            settings,
            kind=kind,
            source=source,
            mapping={},
            quarantine=None,
            origin="test",
            clock=lambda: NOW,
        )
        assert report.rejected == (kind == "customers"), kind


async def test_personal_data_is_nowhere_in_the_clear(
    engine: Engine, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    business = open_business(engine, database_url, settings.fact_store, BUYERS)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            for name in ("import_batches", "customers"):
                connection.execute(
                    text(f"SELECT setval('{name}_id_seq', (SELECT MAX(id) FROM {name}))")
                )
    bring_everything(engine, database_url, settings, tmp_path / "source.csv")
    business.refresh()
    key = create_key(engine, "admin", ["admin"], None, lambda: NOW)
    async with running(database_url, {"admin": key}) as api:
        for document, given in CHANGES:
            answer = (await api.ask(document, variables={"i": given}))["a"]
            assert answer["userErrors"] == []
        shown = await read(api)
        logged = json.dumps(api.log.lines, ensure_ascii=False, default=str)
    business.refresh(as_of=DAY + dt.timedelta(days=1), now=NOW + dt.timedelta(days=1))
    for secret in ("Zyxwine", "plim.wexford", "Gribbleton", "Yarrowdale", "Zorblat"):
        assert secret in shown or secret == "Zorblat"
    assert not [secret for secret in SECRETS if secret in logged]
    found = [
        (place, secret)
        for place, content in (*values(engine), *files(engine, tmp_path))
        for secret in SECRETS
        if secret.encode() in content
    ]
    assert found == []


async def read(api: Api) -> str:
    """What a caller with every right is shown: there it is, so something was looked for."""
    document = """{ customers(first: 99) { edges { node { name email phone consents { proof }
      strategyActions { note } classes { intent { refusalReason wantedFeature } } } } } }"""
    return json.dumps(await api.ask(document), ensure_ascii=False)


def test_the_search_would_find_something(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE installation SET time_zone = 'Zyxwine'"),
        )
    assert any(b"Zyxwine" in content for _, content in values(engine))
    if engine.dialect.name == "sqlite":
        shutil.copy(tmp_path / "echelon.db", tmp_path / "copy.db")
    assert any(b"Zyxwine" in content for _, content in files(engine, tmp_path))
