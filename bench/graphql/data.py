"""One database for both servers: a made-up population, decided and published, and its copy.

Echelon's own tables come from the project's own deciding and publishing. PostGraphile reads tables
made of those (`peer.sql`), with the sentences of all reasons rendered beforehand: it has no texts
of its own, and a server that had to render them could only be slower.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, text

from api.db.engine import make_engine
from api.db.keys import create_key
from api.db.known_fields import read_known_fields
from api.db.models import AttributeDefinition
from api.domain.fields import SEGMENT, Choice, Field
from api.domain.texts import render, render_prediction
from api.domain.texts.policy_names import policy_names
from bench.clock import Measurement, in_a_process
from bench.decisions import NOW, decide_and_publish, prepare

HERE = Path(__file__).parent
CURRENCY, EXPONENT = "USD", 2
SCOPES = ("customers:read", "scores:read")


def fill(url: str, customers: int) -> str:
    """Both schemas, filled and analysed; returns a key for Echelon."""
    with tempfile.TemporaryDirectory(prefix="echelon-bench-") as place:
        folder = Path(place)
        in_a_process(prepare, url, folder, customers)
        in_a_process(decide_and_publish, url, folder, "first")
    in_a_process(add_facts_and_peer, url)
    engine = make_engine(url)
    key = create_key(engine, "bench", SCOPES, None, lambda: NOW)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    return key


def add_facts_and_peer(url: str) -> Measurement:
    engine = make_engine(url)
    with engine.begin() as connection:
        names = {"city": "text", "household_size": "number"}
        rows = [
            {"name": name, "value_type": kind, "sensitive": False}
            | {"label_en": name, "label_zh": name}
            for name, kind in names.items()
        ]
        connection.execute(insert(AttributeDefinition), rows)
        raw: Any = connection.connection.driver_connection
        for script in ("facts.sql", "peer.sql"):
            raw.execute((HERE / script).read_text())
        _fill_reasons(connection, _fields(engine, connection))
    return {}


def _fields(engine: Engine, connection: Connection) -> Mapping[str, Field]:
    """The catalogue, in which segments go by their names."""
    rows = connection.execute(text("SELECT key, name_en, name_zh FROM segments")).all()
    segment = replace(SEGMENT, choices=tuple(Choice(row[0], row[1], row[2]) for row in rows))
    return {**read_known_fields(engine), SEGMENT.name: segment}


def _fill_reasons(connection: Connection, fields: Mapping[str, Field]) -> None:
    document = connection.scalar(
        text("SELECT document FROM tier_policy_versions WHERE active ORDER BY id DESC LIMIT 1")
    )
    names = policy_names(document)
    both = {**fields, **names.fields}

    def decided(reason: Mapping[str, Any]) -> str:
        return render(reason, "en", CURRENCY, EXPONENT, both, names.tiers)

    def predicted(reason: Mapping[str, Any]) -> str:
        return render_prediction(reason, "en", CURRENCY, EXPONENT)

    sources = (
        (
            "tier_reasons",
            "SELECT customer_id, coalesce((now -> 'reasons')::text, reasons) "
            "FROM tier_assignments WHERE ended_on IS NULL",
            decided,
        ),
        (
            "prediction_reasons",
            "SELECT customer_id, churn_reasons FROM predictions WHERE NOT deleted",
            predicted,
        ),
        (
            "recommendation_reasons",
            "SELECT customer_id, priority, reasons FROM recommendations",
            decided,
        ),
    )
    for table, statement, sentence in sources:
        rows = connection.exec_driver_sql(statement).all()
        raw: Any = connection.connection.driver_connection
        with raw.cursor().copy(f"COPY peer.{table} FROM STDIN") as copy:
            for owner, place, reason in _each(rows):
                copy.write_row((*owner, place, reason["code"], sentence(reason)))


def _each(rows: Any) -> Iterator[tuple[tuple[int, ...], int, Mapping[str, Any]]]:
    for *owner, reasons in rows:
        for place, reason in enumerate(json.loads(reasons)):
            yield tuple(owner), place, reason
