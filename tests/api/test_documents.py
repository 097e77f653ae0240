"""Documents with versions, and what ships with Echelon: renewed where nobody changed it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from api.db.catalogue import read_catalogue, save
from api.db.document_versions import (
    Change,
    Document,
    document_sha256,
    latest_documents,
    save_document,
)
from api.db.installation import read_installation
from api.db.models import DocumentVersion, ModelVersion, RefreshRun, Segment, TierPolicyVersion
from api.db.policies import put_in_force, roll_back
from api.db.shipped import Shipped, install_shipped
from api.db.writes import writing
from api.documents import POLICIES, install_shipped_documents, read_document
from api.errors import Conflict, InvalidInput, NotFound
from tests.api.seed import Seeder

NOW = dt.datetime(2026, 4, 1, 6, tzinfo=dt.UTC)
ME = Change("me", NOW, "Because")


def segment(key: str, days: int) -> dict[str, Any]:
    names = {"en": key, "zh": key}
    return {
        "key": key,
        "name": names,
        "description": names,
        "when": {"recency_days": {"lte": days}},
    }


SHIPPED = Shipped(
    policy=read_document(POLICIES / "default.yaml"),
    classes=[],
    segments=[segment("recent", 30), segment("lately", 60)],
    strategies=[],
    resources={},
)


def segments_with(documents: Sequence[Document]) -> Shipped:
    return replace(SHIPPED, segments=documents)


def rules(engine: Engine) -> dict[str, Any]:
    found = read_catalogue(engine).segments
    return {key: document["when"]["recency_days"]["lte"] for key, (_, document) in found.items()}


def versions(engine: Engine, key: str) -> list[tuple[int, str, bool]]:
    table = DocumentVersion
    with engine.connect() as connection:
        rows = connection.execute(
            select(table.version, table.author, table.shipped)
            .where(table.kind == "segment", table.key == key)
            .order_by(table.version)
        )
        return [(row.version, row.author, row.shipped) for row in rows]


def test_a_change_names_the_version_it_was_made_from(engine: Engine) -> None:
    with writing(engine) as connection:
        assert save_document(connection, "segment", "x", {"a": 1}, None, ME) == 1
        assert save_document(connection, "segment", "x", {"a": 2}, 1, ME) == 2
        assert save_document(connection, "segment", "x", {"a": 2}, 2, ME) == 2
        for stale in (None, 1, 3):
            with pytest.raises(Conflict, match=r"'x' is at version 2.*expectedVersion 2"):
                save_document(connection, "segment", "x", {"a": 3}, stale, ME)
        with pytest.raises(NotFound):
            save_document(connection, "segment", "y", {"a": 3}, 1, ME)
        with pytest.raises(InvalidInput, match="reason"):
            save_document(connection, "segment", "x", {"a": 3}, 2, replace(ME, reason="x" * 501))
        assert save_document(connection, "segment", "x", None, 2, ME) == 3
        assert latest_documents(connection, "segment")["x"].document is None
    assert versions(engine, "x") == [(1, "me", False), (2, "me", False), (3, "me", False)]


def test_a_failed_change_leaves_nothing(engine: Engine) -> None:
    def change_twice() -> None:
        with writing(engine) as connection:
            save_document(connection, "segment", "x", {"a": 1}, None, ME)
            save_document(connection, "segment", "x", {"a": 2}, None, ME)

    with pytest.raises(Conflict):
        change_twice()
    assert versions(engine, "x") == []


def test_what_nobody_changed_is_renewed_and_own_changes_stay(engine: Engine) -> None:
    install_shipped(engine, SHIPPED, NOW)
    with writing(engine) as connection:
        save(connection, "segment", segment("lately", 45), 1, ME)
        save(connection, "segment", segment("own", 7), None, ME)
    newer = [segment("recent", 28), segment("lately", 56), segment("own", 8), segment("new", 1)]
    install_shipped(engine, segments_with(newer), NOW)
    assert rules(engine) == {"recent": 28, "lately": 45, "own": 7, "new": 1}
    assert versions(engine, "recent") == [(1, "Echelon", True), (2, "Echelon", True)]
    assert versions(engine, "lately") == [(1, "Echelon", True), (2, "me", False)]
    again = versions(engine, "recent")
    install_shipped(engine, segments_with(newer), NOW)
    assert versions(engine, "recent") == again


def test_an_installation_from_before_versions_were_kept_is_taken_as_it_is(engine: Engine) -> None:
    install_shipped(engine, SHIPPED, NOW)
    with engine.begin() as connection:
        connection.execute(delete(DocumentVersion))
        connection.execute(update(TierPolicyVersion).values(author=None, activated_by=None))
    policy = dict(SHIPPED.policy) | {"description": {"en": "Newer", "zh": "更新"}}
    install_shipped(engine, replace(segments_with([segment("recent", 28)]), policy=policy), NOW)
    assert rules(engine) == {"recent": 28, "lately": 60}
    assert versions(engine, "recent") == [(1, "Echelon", True), (2, "Echelon", True)]
    assert read_catalogue(engine).policy == policy


def test_a_policy_is_renewed_until_the_business_has_one_of_its_own(engine: Engine) -> None:
    install_shipped(engine, SHIPPED, NOW)
    policies = [dict(SHIPPED.policy) | {"description": {"en": text, "zh": text}} for text in "abc"]
    install_shipped(engine, replace(SHIPPED, policy=policies[0]), NOW)
    assert read_catalogue(engine).policy == policies[0]
    business = read_installation(engine)
    with writing(engine) as connection:
        put_in_force(connection, policies[1], business, ME)
    install_shipped(engine, replace(SHIPPED, policy=policies[2]), NOW)
    assert read_catalogue(engine).policy == policies[1]
    with writing(engine) as connection:
        roll_back(connection, "default", 1, business, ME)
    install_shipped(engine, replace(SHIPPED, policy=policies[2]), NOW)
    assert document_sha256(read_catalogue(engine).policy) == document_sha256(SHIPPED.policy)


def test_installing_again_changes_nothing(engine: Engine) -> None:
    def everything() -> list[Any]:
        tables = (DocumentVersion, TierPolicyVersion, Segment)
        with engine.connect() as connection:
            return [
                sorted(map(str, connection.execute(select(table.__table__)))) for table in tables
            ]

    install_shipped_documents(engine, NOW)
    before = everything()
    install_shipped_documents(engine, NOW + dt.timedelta(days=1))
    assert everything() == before
    assert all(before)


def test_a_policy_put_in_force_decides_past_days_too_until_a_refresh_has_decided(
    engine: Engine,
) -> None:
    install_shipped(engine, SHIPPED, NOW)
    business, own = read_installation(engine), dict(SHIPPED.policy) | {"key": "own"}
    with writing(engine) as connection:
        first = put_in_force(connection, own, business, ME)
    assert read_catalogue(engine, dt.date(2020, 1, 1)).policy_version_id == first.id
    decided = dt.date(2020, 6, 30)
    with engine.begin() as connection:
        model = Seeder(engine, b"no secret", 0).model(1, "churn", 1)
        connection.execute(insert(ModelVersion).values(model))
        connection.execute(
            insert(RefreshRun).values(
                churn_model_id=1,
                clv_model_id=1,
                as_of=decided,
                published_at=NOW,
                fingerprint="x",
                policy_version_id=first.id,
                counts={},
            )
        )
    with writing(engine) as connection:
        second = put_in_force(connection, own | {"key": "newer"}, business, ME)
    before = decided - dt.timedelta(days=1)
    assert read_catalogue(engine, before).policy_version_id == first.id
    assert read_catalogue(engine, decided).policy_version_id == second.id
