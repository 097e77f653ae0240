"""What goes straight into an empty table is what staging and merging would have put there."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import adbc_driver_manager
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.engine.interfaces import ReflectedIndex

from api.db import filling, publish
from api.db.bulk import bulk_connection
from api.db.filling import fill, is_empty
from api.db.models import Base, Recommendation
from tests.refresh.business import BUYERS, Business, Buyer, open_business

PUBLISHED = (
    "customer_profiles",
    "predictions",
    "prediction_history",
    "tier_assignments",
    "segment_memberships",
    "recommendations",
)
buyers = st.builds(
    Buyer,
    recency_days=st.floats(0, 400),
    orders=st.integers(1, 60),
    spend_minor=st.integers(-500, 2_000_000),
    churn=st.none() | st.floats(0, 1),
    clv_minor=st.integers(0, 500_000),
)


@pytest.fixture(autouse=True, params=[1, filling.MANY_ROWS])
def many_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With indexes and references set aside for every row, and left as they are."""
    monkeypatch.setattr(filling, "MANY_ROWS", request.param)


def published(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    with engine.connect() as connection:
        for table in PUBLISHED:
            columns = Base.metadata.tables[table].columns
            rows = connection.execute(select(*columns)).all()
            found[table] = sorted((tuple(row) for row in rows), key=repr)
    return found


def structure(engine: Engine) -> dict[str, Any]:
    found = inspect(engine)
    return {
        table: (
            sorted(
                (str(each["name"]), str(each["column_names"]), each["unique"], conditions(each))
                for each in found.get_indexes(table)
            ),
            found.get_pk_constraint(table),
            sorted(found.get_foreign_keys(table), key=repr),
            sorted(found.get_unique_constraints(table), key=repr),
        )
        for table in PUBLISHED
    }


def conditions(index: ReflectedIndex) -> str:
    options = index.get("dialect_options", {})
    return str(sorted(f"{name}: {value}" for name, value in options.items()))


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(population=st.dictionaries(st.integers(1, 9), buyers, min_size=1))
def test_a_first_publication_is_the_same_written_either_way(
    engine: Engine, database_url: str, tmp_path: Path, population: dict[int, Buyer]
) -> None:
    def first(*, straight: bool) -> dict[str, list[tuple[Any, ...]]]:
        with engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name not in ("installation", "alembic_version"):
                    connection.execute(table.delete())
            connection.execute(text("UPDATE installation SET last_revision = 0"))
        business = open_business(engine, database_url, tmp_path / uuid4().hex, population)
        with pytest.MonkeyPatch.context() as patch:
            if not straight:
                patch.setattr(publish, "is_empty", lambda *_: False)
            business.refresh()
        return without_numbers(published(engine))

    assert first(straight=True) == first(straight=False)


def without_numbers(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows without what the database numbers: each published table's run, policy and ids."""
    numbered = {"id", "run_id", "policy_version_id", "segment_id", "strategy_id"}
    places = {
        table: [
            place
            for place, column in enumerate(Base.metadata.tables[table].columns)
            if column.name not in numbered
        ]
        for table in rows
    }
    return {
        table: sorted((tuple(row[place] for place in places[table]) for row in found), key=repr)
        for table, found in rows.items()
    }


def test_indexes_and_references_are_as_before(business: Business) -> None:
    before = structure(business.engine)
    business.refresh()
    assert structure(business.engine) == before


def test_a_first_publication_that_breaks_off_leaves_nothing(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(Exception):
        pass

    def cut(*_: object) -> None:
        raise PowerCut

    before = structure(business.engine)
    with monkeypatch.context() as patch:
        patch.setattr(publish.Publisher, "_recommendations", cut)
        with pytest.raises(PowerCut):
            business.refresh()
    assert not any(published(business.engine).values())
    assert structure(business.engine) == before
    assert business.refresh().customers == len(BUYERS)


def test_references_are_checked(business: Business, database_url: str) -> None:
    stray = pa.table(
        {
            "customer_id": [99],
            "priority": [1],
            "strategy_id": [1],
            "expected_gain_minor": [5],
            "reasons": ["[]"],
            "run_id": [1],
        }
    )
    with bulk_connection(database_url) as connection:
        assert is_empty(connection, Recommendation)
        with pytest.raises(adbc_driver_manager.Error, match=r"(?i)foreign key"):
            fill(connection, business.engine.dialect.name, Recommendation, stray)
    with bulk_connection(database_url) as connection:
        assert is_empty(connection, Recommendation)
