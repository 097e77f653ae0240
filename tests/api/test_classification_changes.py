"""Classifications made, changed and given up by the business itself."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from api.db.classes import read_classifications
from api.db.models import Classification, DocumentVersion
from tests.api.conftest import Api

TEXT = {"en": "text", "zh": "文字"}
SAVE = """mutation ($i: SaveClassificationInput!) { saveClassification(input: $i) { version
    classification { key version kind values { value } } userErrors { code field message } } }"""
DELETE = """mutation ($i: DeleteClassificationInput!) { deleteClassification(input: $i) {
    deletedKey userErrors { code field message } } }"""


def document(key: str = "size", when: Any = None, **more: Any) -> dict[str, Any]:
    rule = {"order_count": {"gte": 5}} if when is None else when
    values = [
        {"key": "big", "name": TEXT, "when": rule},
        {"key": "small", "name": TEXT, "otherwise": True},
    ]
    heading = {"key": key, "kind": "rules", "name": TEXT, "description": TEXT}
    return {**heading, "values": values, **more}


async def save(api: Api, content: Any, **more: Any) -> Any:
    given = {"document": content, **more}
    return (await api.ask(SAVE, variables={"i": given}))["saveClassification"]


async def delete(api: Api, key: str, version: int) -> Any:
    given = {"key": key, "expectedVersion": version}
    return (await api.ask(DELETE, variables={"i": given}))["deleteClassification"]


def message(answer: Any, code: str) -> str:
    (error,) = answer["userErrors"]
    assert error["code"] == code
    return str(error["message"])


async def test_a_class_of_ones_own_is_made_changed_and_given_up(
    own_api: Api, engine: Engine
) -> None:
    made = await save(own_api, document())
    assert (made["version"], made["userErrors"]) == (1, [])
    assert made["classification"]["values"] == [{"value": "big"}, {"value": "small"}]
    changed = await save(
        own_api, document(when={"class.activity": "active"}), expectedVersion=1, reason="Better"
    )
    assert changed["classification"]["version"] == 2
    stale = await save(own_api, document(), expectedVersion=1)
    assert "is at version 2, not 1" in message(stale, "CONFLICT")
    assert (await delete(own_api, "size", 2))["deletedKey"] == "size"
    with engine.connect() as connection:
        assert "size" not in {each.key for each in read_classifications(connection)}
        kept = connection.scalar(
            select(func.count()).where(
                DocumentVersion.kind == "classification", DocumentVersion.key == "size"
            )
        )
    assert kept == 3


async def test_a_later_day_may_be_named_from_which_a_version_decides(own_api: Api) -> None:
    await save(own_api, document())
    planned = await save(
        own_api,
        document(when={"order_count": {"gte": 9}}),
        expectedVersion=1,
        effectiveFrom="2026-06-01",
    )
    assert (planned["version"], planned["classification"]["version"]) == (2, 1)


async def test_what_is_wrong_is_named_by_its_path_and_nothing_is_stored(
    own_api: Api, engine: Engine
) -> None:
    wrong = await save(own_api, document(when={"order_cuont": {"gte": 5}}))
    (error,) = wrong["userErrors"]
    assert error["field"] == ["input", "document", "values", "0", "when"]
    assert "did you mean 'order_count'" in error["message"]
    circle = await save(own_api, document("size", {"class.size": "big"}))
    assert "in a circle: size -> size" in message(circle, "INVALID")
    assert "takes a mapping" in message(await save(own_api, "size"), "INVALID")
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).where(Classification.key == "size")) == 0


async def test_what_others_read_can_not_be_taken_away(own_api: Api) -> None:
    await save(own_api, document("size"))
    await save(own_api, document("reader", {"class.size": "big"}))
    assert "another classification reads size" in message(
        await delete(own_api, "size", 1), "IN_USE"
    )
    values = [{"key": "small", "name": TEXT, "otherwise": True}]
    fewer = await save(own_api, document("size") | {"values": values}, expectedVersion=1)
    assert "classification reader needs what this takes away" in message(fewer, "IN_USE")
    assert "every profile shows abc_class" in message(
        await delete(own_api, "abc_class", 1), "IN_USE"
    )
    taken = await delete(own_api, "value_class", 1)
    assert "value_class" in message(taken, "IN_USE")


async def test_storing_classifications_takes_a_right_of_its_own(own_api: Api) -> None:
    given = {"i": {"document": document()}}
    assert await own_api.codes(SAVE, "frontend", variables=given) == ["FORBIDDEN"]


async def test_there_are_no_more_classifications_than_their_lists_are_priced_for(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.db.class_writes.MOST_CLASSIFICATIONS", 1)
    said = message(await save(own_api, document()), "INVALID")
    assert "at most 1 classifications: give one up first" in said
