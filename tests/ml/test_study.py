"""A study looks at each past day once, and knows on it nothing that came later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ml.backends import connect
from ml.contracts import DAY, cutoff_of
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.feature_catalogue import DERIVED
from ml.features import feature_codes
from ml.learning.course import chain, origins_of
from ml.learning.origins import Origin, Plan, plan
from ml.learning.study import Study
from ml.members import HORIZON
from ml.synthetic import Business, invent
from ml.training import silent
from tests.ml.conftest import Rows, write_rows

SMALL = Business(customers=170, days=200)
CUTOFF = cutoff_of(SMALL.last_day, "UTC")
NEWS_AT = CUTOFF - 20 * DAY
TARGET = Origin(CUTOFF, 28)


def rows() -> Rows:
    """A region of which nobody had heard before the last window, and one with no window yet."""
    found = invent(SMALL, seed=4)
    for customer, at, region in ((1, NEWS_AT, "moon"), (2, CUTOFF + DAY, "mars")):
        found["attributes"].append(
            {"customer_id": customer, "name": "region", "valid_from": at, "text_value": region}
        )
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("small") / "facts", rows())


@pytest.fixture(scope="module")
def plans(study: Study) -> list[Plan]:
    return chain(study.span, TARGET)


@pytest.fixture(scope="module")
def study(store: Path) -> Iterator[Study]:
    with connect(1) as backend:
        study = Study.open(backend, FactStore(store), CUTOFF, 1)
        study.prepare(origins_of(chain(study.span, TARGET)), silent)
        yield study


def test_a_plan_has_the_columns_that_its_target_knew(study: Study, plans: list[Plan]) -> None:
    today, before, _ = (study.lesson(each) for each in plans)
    assert today.codes == (*feature_codes(study.attributes(CUTOFF)), *DERIVED)
    assert "attribute.region=moon" in today.codes
    assert set(today.codes) - set(before.codes) == {"attribute.region=moon"}
    assert not any("mars" in code for code in today.codes)


def test_lessons_are_the_teachers_one_after_the_other(study: Study, plans: list[Plan]) -> None:
    lesson = study.lesson(plans[0])
    for origin in plans[0].teachers:
        part = lesson.where(lesson.cutoff == origin.cutoff)
        assert len(part) == len(study.labelled(origin)) > 0
        assert set(part.column(HORIZON)) == {float(origin.horizon_days)}
        absence = study.habit(origin.cutoff).extend(part, origin.horizon_days)
        np.testing.assert_array_equal(
            part.column("rhythm_absence"), absence.column("rhythm_absence")
        )


def test_a_habit_is_that_of_its_own_day(study: Study, plans: list[Plan], store: Path) -> None:
    """The same day studied without any later one gives the same habit, but for where its search
    began."""
    day = plans[0].proof.cutoff
    with connect(1) as backend:
        alone = Study.open(backend, FactStore(store), day, 2)
        alone.prepare(origins_of(chain(alone.span, Origin(day, 28))), silent)
    assert alone.habit(day) == study.habit(day)


def test_threads_and_repetition_change_nothing(
    study: Study, plans: list[Plan], store: Path
) -> None:
    heard: list[float] = []
    with connect(2) as backend:
        again = Study.open(backend, FactStore(store), CUTOFF, 2)
        again.prepare(origins_of(plans), lambda _step, share: heard.append(share))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    for each in plans:
        ours, theirs = study.lesson(each), again.lesson(each)
        assert ours.values.tobytes() == theirs.values.tobytes()
        assert ours.value.tobytes() == theirs.value.tobytes()
        assert ours.churned.tobytes() == theirs.churned.tobytes()


def test_whether_anybody_spends(study: Study, tmp_path: Path) -> None:
    assert study.spends
    unpaid = [dict(row, amount_minor=0) for row in rows()["order_lines"]]
    with connect(1) as backend:
        path = write_rows(tmp_path / "facts", {"order_lines": unpaid})
        silent_ones = Study.open(backend, FactStore(path), CUTOFF, 1)
        silent_ones.prepare([], silent)
    assert not silent_ones.spends
    assert silent_ones.habit(CUTOFF).spend is None


def test_before_the_first_purchase_there_is_nothing_to_study(store: Path) -> None:
    with connect(1) as backend, pytest.raises(NotEnoughHistory, match="No purchases on or before"):
        Study.open(backend, FactStore(store), SMALL.start, 1)


def test_origins_with_hardly_a_customer_teach_nothing(tmp_path: Path) -> None:
    business = Business(customers=300, days=300)
    found, opened = invent(business, seed=3), business.start + 200 * DAY
    orders = [
        line
        for line in found["order_lines"]
        if line["customer_id"] <= 5 or line["ordered_at"] >= opened
    ]
    path = write_rows(tmp_path, {**found, "order_lines": orders})
    target = Origin(cutoff_of(business.last_day, "UTC"), 28)
    with connect(1) as backend:
        study = Study.open(backend, FactStore(path), target.cutoff, 1)
        plans = chain(study.span, target)
        study.prepare(origins_of(plans), silent)
        study.prepare(origins_of(plans), silent)
    assert study.lesson(plans[0]).cutoff.min() >= opened
    with pytest.raises(NotEnoughHistory, match=r"Only \d+ customers had bought by"):
        study.habit(plans[0].teachers[-1].cutoff)


def test_costs_that_came_later_do_not_change_what_a_closed_window_brought(tmp_path: Path) -> None:
    business = Business(customers=170, days=200, with_cost=True)
    target = Origin(cutoff_of(business.last_day, "UTC"), 28)
    values = []
    for later, costs in (("cheap", 1), ("dear", 3)):
        found = invent(business, seed=4)
        for place, line in enumerate(found["order_lines"]):
            if line["ordered_at"] >= target.cutoff - 28 * DAY:
                line["cost_minor"] *= costs
            elif place % 3 == 0:
                line["cost_minor"] = None
        with connect(1) as backend:
            study = Study.open(
                backend, FactStore(write_rows(tmp_path / later, found)), target.cutoff, 1
            )
            latest, *earlier = plan(study.span.first_at, target).teachers
            study.prepare([latest, *earlier], silent)
        assert study.span.basis == "margin"
        values.append([study.labelled(each).value for each in (latest, *earlier)])
    (judged, *taught), (other_judged, *other_taught) = values
    assert not np.array_equal(judged, other_judged)
    assert taught
    for ours, theirs in zip(taught, other_taught, strict=True):
        np.testing.assert_array_equal(ours, theirs)
