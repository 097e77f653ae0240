"""Classes in refreshes: cut-offs, entry dates, who moved and why, versions, what people set."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text

from api.db.catalogue import save
from api.db.classes import put_classification
from api.db.document_versions import Change
from api.db.installation import read_installation
from api.db.models import ClassChange, Classification, CustomerProfile
from api.db.overrides import NewOverride, set_override
from api.db.relationships import Step, record_status
from api.errors import InvalidInput
from tests.domain.customers import shipped_classes
from tests.refresh.business import BUYERS, DAY, NOW, Business, Buyer
from tests.refresh.test_refresh import refresh_again

NEXT = DAY + dt.timedelta(days=1)
TEXT = {"en": "text", "zh": "文字"}
TOMORROW = NOW + dt.timedelta(days=1)


def classes_of(business: Business) -> dict[int, dict[str, str]]:
    with business.engine.connect() as connection:
        rows = connection.execute(select(CustomerProfile.customer_id, CustomerProfile.classes))
        return {row.customer_id: row.classes for row in rows}


def changes_of(business: Business) -> set[tuple[Any, ...]]:
    table = ClassChange
    columns = (table.customer_id, table.classification, table.changed_on, table.previous)
    with business.engine.connect() as connection:
        rows = connection.execute(select(*columns, table.current))
        return {tuple(row) for row in rows}


def stored(business: Business, key: str) -> list[Any]:
    with business.engine.connect() as connection:
        return list(
            connection.execute(
                select(Classification.__table__)
                .where(Classification.key == key)
                .order_by(Classification.version)
            )
        )


def own(key: str, *orders: int, kind: str = "rules") -> dict[str, Any]:
    """Big from so many orders on; without a number, by hand only."""
    values: list[dict[str, Any]] = [{"key": "big", "name": TEXT}, {"key": "small", "name": TEXT}]
    for value, least in zip(values, orders, strict=False):
        value["when"] = {"order_count": {"gte": least}}
    if kind == "rules":
        values[1]["otherwise"] = True
    return {"key": key, "kind": kind, "name": TEXT, "description": TEXT, "values": values}


def put(business: Business, document: dict[str, Any], version: int = 1, **more: Any) -> None:
    with business.engine.begin() as connection:
        put_classification(connection, document, version, NOW, **more)


def test_cutoffs_and_counts_are_published_with_the_classes(business: Business) -> None:
    business.refresh()
    (abc,) = stored(business, "abc_class")
    assert abc.cutoffs == {"A": 700_000, "B": 90_000}
    assert abc.counts == {"A": 2, "B": 1, "C": 2}
    assert (abc.as_of, abc.decided_on) == (DAY, DAY)
    later = NEXT
    business.refresh(as_of=later, now=TOMORROW)
    (abc,) = stored(business, "abc_class")
    assert (abc.as_of, abc.decided_on) == (later, DAY)
    for each in shipped_classes():
        (row,) = stored(business, each.key)
        assert row.as_of == later
        assert set(row.counts) == {value.key for value in each.values}


def test_every_class_has_a_history_with_its_run(business: Business) -> None:
    business.refresh()
    assert changes_of(business) == set()
    before = classes_of(business)
    business.buyers[1] = BUYERS[4]
    business.refresh(as_of=NEXT, now=TOMORROW)
    after = classes_of(business)
    moved = {row[1:] for row in changes_of(business) if row[0] == 1}
    expected = {
        (key, NEXT, before[1].get(key), after[1].get(key))
        for key in before[1] | after[1]
        if before[1].get(key) != after[1].get(key)
    }
    assert expected <= moved
    assert {key for key, *_ in moved - expected} <= {"rfm_group", "abc_class", "lifecycle_stage"}
    assert ("clv_class", NEXT, "high", "low") in moved
    with business.engine.connect() as connection:
        runs = set(connection.scalars(select(ClassChange.run_id)))
        newest = connection.scalar(text("SELECT MAX(id) FROM refresh_runs"))
    assert runs == {newest}


def test_a_day_has_one_outcome_for_all_classes_however_often_it_is_refreshed(
    business: Business,
) -> None:
    business.refresh()
    business.buyers[1] = BUYERS[4]
    refresh_again(business, NEXT)
    once = changes_of(business), classes_of(business)
    for passing in (BUYERS[3], Buyer(churn=None), BUYERS[1]):
        business.buyers[1] = passing
        refresh_again(business, NEXT)
    assert changes_of(business) == set()
    business.buyers[1] = BUYERS[4]
    refresh_again(business, NEXT)
    assert (changes_of(business), classes_of(business)) == once


def test_a_new_classification_decides_without_telling_of_changes(business: Business) -> None:
    business.refresh()
    put(business, own("size", 30))
    business.refresh(as_of=NEXT, now=TOMORROW)
    assert {key: each["size"] for key, each in classes_of(business).items()} == {
        1: "big", 2: "big", 3: "small", 4: "small", 5: "small",
    }  # fmt: skip
    assert changes_of(business) == set()
    business.buyers[2] = BUYERS[3]
    business.refresh(as_of=NEXT + dt.timedelta(days=1), now=NOW + dt.timedelta(days=2))
    assert {row[3:] for row in changes_of(business) if row[1] == "size"} == {("big", "small")}


def test_a_changed_rule_reclassifies_and_the_old_version_keeps_its_cutoffs(
    business: Business,
) -> None:
    put(business, own("size", 30))
    business.refresh()
    put(business, own("size", 5), version=2)
    business.refresh(as_of=NEXT, now=TOMORROW)
    first, second = stored(business, "size")
    assert (first.active, first.effective_to, first.as_of) == (False, NOW.date(), DAY)
    assert (second.active, second.as_of) == (True, NEXT)
    assert {row for row in changes_of(business) if row[1] == "size"} == {
        (3, "size", NEXT, "small", "big")
    }


def test_a_version_takes_over_on_its_day(business: Business) -> None:
    put(business, own("size", 30))
    business.refresh()
    last = NEXT + dt.timedelta(days=1)
    put(business, own("size", 5), version=2, effective_from=last)
    business.refresh(as_of=NEXT, now=TOMORROW)
    assert classes_of(business)[3]["size"] == "small"
    assert [row.active for row in stored(business, "size")] == [True, False]
    business.refresh(as_of=last, now=NOW + dt.timedelta(days=2))
    assert classes_of(business)[3]["size"] == "big"
    first, second = stored(business, "size")
    assert (first.active, first.effective_to) == (False, last)
    assert (second.active, second.effective_from) == (True, last)
    with pytest.raises(InvalidInput, match="version 2 of size is to decide from"):
        put(business, own("size", 6), version=3, effective_from=last)


def test_storing_a_document_through_the_catalogue_makes_it_decide(business: Business) -> None:
    with business.engine.begin() as connection:
        change = Change("somebody", NOW, "Try it")
        assert save(connection, "classification", own("size", 30), None, change) == 1
        assert save(connection, "classification", own("size", 5), 1, change) == 2
    business.refresh()
    assert classes_of(business)[3]["size"] == "big"
    assert [row.version for row in stored(business, "size")] == [1, 2]


def test_a_class_put_by_hand_wins_until_its_last_day(business: Business) -> None:
    put(business, own("friends", kind="by_hand"))
    installation = read_installation(business.engine)
    with business.engine.begin() as connection:
        for customer, key, value in ((3, "friends", "big"), (4, "value_class", "high")):
            new = NewOverride(customer, "class", key, value, "Known for long", NEXT)
            set_override(connection, new, installation, "somebody", NOW)
    business.refresh()
    found = classes_of(business)
    assert {key for key, each in found.items() if "friends" in each} == {3}
    assert found[4]["value_class"] == "high"
    business.refresh(as_of=NEXT, now=TOMORROW)
    assert classes_of(business)[3]["friends"] == "big"
    business.refresh(as_of=NEXT + dt.timedelta(days=1), now=NOW + dt.timedelta(days=2))
    found = classes_of(business)
    assert "friends" not in found[3]
    assert found[4]["value_class"] == "low"
    left = {row for row in changes_of(business) if row[1] == "friends"}
    assert left == {(3, "friends", NEXT + dt.timedelta(days=1), "big", None)}


def test_a_recorded_status_counts_from_its_day_and_leads_to_a_refresh(business: Business) -> None:
    business.refresh()
    assert classes_of(business)[1]["relationship"] == "existing"
    assert classes_of(business)[5]["relationship"] == "prospect"
    with business.engine.begin() as connection:
        step = Step(1, "relationship", "key", "Signed", "somebody", NOW)
        record_status(connection, step, read_installation(business.engine))
    assert not business.refresh().unchanged
    assert classes_of(business)[1]["relationship"] == "key"
    assert changes_of(business) == set()  # the day had no outcome before its last refresh
    business.refresh(as_of=NEXT, now=TOMORROW)
    assert classes_of(business)[1]["relationship"] == "key"
    with business.engine.begin() as connection, pytest.raises(InvalidInput, match="is key already"):
        record_status(connection, step, read_installation(business.engine))


def test_every_change_of_a_classification_leads_to_another_refresh(business: Business) -> None:
    business.refresh()
    assert business.refresh().unchanged
    put(business, own("size", 30))
    assert not business.refresh().unchanged
    assert business.refresh().unchanged
