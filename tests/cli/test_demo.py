"""The demo goes on where it was interrupted, and a finished one changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import func, select, text

from api.cli import demo_steps as demo
from api.db.engine import make_engine
from api.db.models import Base, CustomerFinding, ImportBatch
from api.intake import sample
from tests.cli.conftest import Echelon

HOUSEHOLDS = 250


class PowerCut(KeyboardInterrupt):
    """What Ctrl-C or a crash looks like from inside."""


def small_sample() -> list[tuple[str, pa.Table]]:
    """The sample's first households with everything of theirs."""
    tables = [
        (kind, pa.table(rows) if isinstance(rows, pa.Table) else rows.read_all())
        for kind, rows in sample.sample_tables()
    ]
    households = next(rows for kind, rows in tables if kind == "customers")["customer_id"]
    kept = households.slice(0, HOUSEHOLDS)
    return [
        (
            kind,
            rows.filter(pc.is_in(rows["customer_id"], value_set=kept.combine_chunks()))
            if "customer_id" in rows.column_names
            else rows,
        )
        for kind, rows in tables
    ]


@pytest.fixture(scope="module")
def tables() -> list[tuple[str, pa.Table]]:
    return small_sample()


@pytest.fixture(autouse=True)
def small_demo(monkeypatch: pytest.MonkeyPatch, tables: list[tuple[str, pa.Table]]) -> None:
    def sample_tables() -> Iterator[tuple[str, pa.Table]]:
        yield from tables

    monkeypatch.setattr(demo, "sample_tables", sample_tables)
    monkeypatch.setattr(demo, "sample_rows", lambda: {kind: len(rows) for kind, rows in tables})
    monkeypatch.setattr(demo, "build_graphiql", lambda: None)


def row_counts(data_dir: Path) -> dict[str, int]:
    engine = make_engine(f"sqlite:///{data_dir / 'echelon.db'}")
    with engine.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def findings(data_dir: Path) -> dict[str, int]:
    """How many customers something was found for."""
    engine = make_engine(f"sqlite:///{data_dir / 'echelon.db'}")
    with engine.connect() as connection:
        rows = connection.execute(select(CustomerFinding.__table__)).mappings().all()
    return {
        name: sum(bool(row[name]) for row in rows)
        for name in ("products", "channels", "group_key", "hints")
    }


def test_interrupted_anywhere_the_next_run_completes_it(
    echelon: Echelon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    train_model = demo.train_model

    def cut_before_clv(engine: Any, settings: Any, name: str, **options: Any) -> Any:
        if name == "clv":
            raise PowerCut
        return train_model(engine, settings, name, **options)

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    for name, replacement in (
        ("_import_kind", cut),
        ("train_model", cut_before_clv),
        ("refresh", cut),
        ("publish_mine", cut),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(demo, name, replacement)
            assert echelon("demo", "--no-serve").code != 0

    done = echelon("demo", "--no-serve", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["key"].startswith("ech_live_")
    counts = row_counts(tmp_path / "var")
    assert counts["customers"] == counts["predictions"] == HOUSEHOLDS
    assert counts["customer_findings"] == HOUSEHOLDS
    assert (counts["model_versions"], counts["mining_runs"]) == (2, 1)

    everything = dict.fromkeys(("products", "channels", "group_key"), HOUSEHOLDS)
    assert findings(tmp_path / "var").items() >= everything.items()

    again = echelon("demo", "--no-serve", "--json")
    assert json.loads(again.out)["key"] == json.loads(done.out)["key"]
    assert row_counts(tmp_path / "var") == counts


def test_it_keeps_away_from_a_business_s_own_facts(echelon: Echelon, tmp_path: Path) -> None:
    echelon("db", "upgrade")
    engine = make_engine(f"sqlite:///{tmp_path / 'var' / 'echelon.db'}")
    with engine.begin() as connection:
        connection.execute(
            ImportBatch.__table__.insert().values(
                kind="orders", source="shop", arrived_at=text("CURRENT_TIMESTAMP"), status="done"
            )
        )
    answer = echelon("demo", "--no-serve")
    assert answer.code == 1
    assert "ECHELON_DATA_DIR" in answer.err
