"""What people change while a refresh is deciding is not undone when it publishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

import api.refresh
from api.db.installation import read_installation
from api.db.known_fields import read_known_fields
from api.db.segment_writes import Reading, add_members, retire_segment, save_segment
from api.db.writes import writing
from tests.refresh.business import BUYERS, DAY, Business
from tests.refresh.test_documents_in_force import ME
from tests.refresh.test_segments import stays

TEXT = {"en": "x", "zh": "x"}
Change = Callable[[Connection, Reading], Any]


def segment(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "name": TEXT, "description": TEXT, **more}


def spending(key: str, least: int) -> dict[str, Any]:
    return segment(key, when={"net_spend": {"gte": least}})


def change(business: Business, work: Change) -> None:
    installation = read_installation(business.engine)
    fields = read_known_fields(business.engine)
    with writing(business.engine) as connection:
        work(connection, Reading(fields, 2, installation.time_zone, DAY))


def create(*documents: dict[str, Any]) -> Change:
    def work(connection: Connection, reading: Reading) -> None:
        for document in documents:
            save_segment(connection, document, None, reading, ME)

    return work


def inside(business: Business, key: str) -> list[int]:
    return [row[0] for row in stays(business.engine, key) if row[2] is None]


def refresh_beside(business: Business, monkeypatch: pytest.MonkeyPatch, work: Change) -> None:
    """A refresh whose decisions stand when somebody changes something."""
    decide = api.refresh.decide

    def decided(*given: Any) -> Any:
        publication = decide(*given)
        change(business, work)
        return publication

    with monkeypatch.context() as patch:
        patch.setattr(api.refresh, "decide", decided)
        business.buyers[4] = BUYERS[1]
        business.refresh()


@pytest.fixture
def grouped(business: Business) -> Business:
    """Segments by a rule, by hand, and two that read these."""
    business.refresh()
    readers = [
        segment("good_readers", when={"segment": "good"}),
        segment("picked_readers", when={"all": [{"segment": "picked"}, {"net_spend": {"gte": 0}}]}),
    ]
    change(business, create(spending("good", 5_000), segment("picked", kind="manual"), *readers))
    assert inside(business, "good_readers") == [1, 2]
    return business


def test_a_changed_rule_stays_changed_and_so_does_what_reads_it(
    grouped: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(connection: Connection, reading: Reading) -> None:
        save_segment(connection, spending("good", 8_000), 1, reading, ME)

    refresh_beside(grouped, monkeypatch, work)
    assert inside(grouped, "good") == inside(grouped, "good_readers") == [1]
    grouped.refresh()
    assert inside(grouped, "good") == inside(grouped, "good_readers") == [1, 4]


def test_a_segment_that_is_new_or_given_up_meanwhile_stays_so(
    grouped: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(connection: Connection, reading: Reading) -> None:
        create(spending("new", 8_000))(connection, reading)
        retire_segment(connection, "good_readers", 1, reading, ME)

    refresh_beside(grouped, monkeypatch, work)
    assert (inside(grouped, "new"), inside(grouped, "good_readers")) == ([1], [])
    assert inside(grouped, "good") == [1, 2, 4]
    grouped.refresh()
    assert (inside(grouped, "new"), inside(grouped, "good_readers")) == ([1, 4], [])


def test_who_is_put_in_by_hand_meanwhile_is_in_what_reads_it(
    grouped: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(connection: Connection, reading: Reading) -> None:
        add_members(connection, "picked", ["C3"], "Met them", reading, ME)

    refresh_beside(grouped, monkeypatch, work)
    assert inside(grouped, "picked") == inside(grouped, "picked_readers") == [3]
    assert not grouped.refresh().unchanged
    assert inside(grouped, "picked_readers") == [3]
