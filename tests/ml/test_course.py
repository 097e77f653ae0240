"""The course of learning: who learns from what, and on which evidence members are weighed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from ml.backends import connect
from ml.booster import Shape, Task
from ml.contracts import DAY, cutoff_of
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.learning.course import (
    USUAL,
    Evidence,
    Learned,
    Setting,
    Shapes,
    alike,
    apply,
    chain,
    origins_of,
    teach,
)
from ml.learning.origins import Origin, Plan
from ml.learning.study import Study
from ml.members import HORIZON, TREES, grow
from ml.sample import Floats, Sample
from ml.synthetic import Business, invent
from ml.training import silent
from tests.ml.conftest import write_rows

SMALL = Business(customers=170, days=200)
CUTOFF = cutoff_of(SMALL.last_day, "UTC")
DAYS = 28
TASK = Task("binary:logistic", "logloss", {}, 0.5, {}, seed=0, threads=1)


@dataclass(frozen=True)
class Made:
    """What a model was finished from."""

    latest_cutoff: int
    evidence: tuple[Evidence, ...]
    now: Sample
    setting: Setting


@dataclass
class Apprentice:
    """Learns next to nothing, and remembers what it was shown; refuses lessons that are older."""

    refuses_before: int = 0
    lessons: list[tuple[Sample, Shapes | None]] = field(default_factory=list)

    def learn(self, lesson: Sample, shapes: Shapes | None) -> Learned:
        if lesson.cutoff.max() < self.refuses_before:
            raise NotEnoughHistory("too old a lesson")
        self.lessons.append((lesson, shapes))
        booster = grow(
            TASK, (TREES,), {"trees": Shape(1, 1)}, lesson, lesson.churned.astype(np.float64),
            lambda _spec, sample: np.zeros(len(sample)), None,
        )  # fmt: skip
        return Learned(booster, float(lesson.cutoff.max()), shapes or {"trees": Shape(2, 33)})

    def margins(self, learned: Learned, sample: Sample) -> Floats:
        return np.full((len(sample), 1), learned.scale)

    def finish(
        self, learned: Learned, evidence: Sequence[Evidence], now: Sample, setting: Setting
    ) -> Made:
        return Made(int(learned.scale), tuple(evidence), now, setting)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    path = write_rows(tmp_path_factory.mktemp("small") / "facts", invent(SMALL, seed=4))
    with connect(1) as backend:
        study = Study.open(backend, FactStore(path), CUTOFF, 1)
        study.prepare(origins_of(chain(study.span, Origin(CUTOFF, DAYS))), silent)
        yield study


@pytest.fixture(scope="module")
def plans(study: Study) -> list[Plan]:
    return chain(study.span, Origin(CUTOFF, DAYS))


def closes(sample: Sample) -> int:
    return int((sample.cutoff + sample.column(HORIZON) * DAY).max())


def test_the_twin_and_the_first_end_before_what_they_are_judged_on(
    study: Study, plans: list[Plan]
) -> None:
    course = Apprentice()
    taught = teach(course, study, plans, silent)
    (first, usual), (twin, chosen), (final, reused) = course.lessons
    assert len(plans) == 3
    assert closes(first) <= plans[1].proof.cutoff
    assert closes(twin) <= plans[0].proof.cutoff
    assert closes(final) == CUTOFF
    assert (usual, chosen, reused) == (USUAL, None, taught.shapes)
    assert taught.teachers.cutoff.tobytes() == twin.cutoff.tobytes()
    assert taught.proof == Origin(CUTOFF - DAYS * DAY, DAYS)
    assert set(taught.judged.cutoff) == {taught.proof.cutoff}


def test_members_are_weighed_by_what_was_foretold_before_it_happened(
    study: Study, plans: list[Plan]
) -> None:
    taught = teach(Apprentice(), study, plans, silent)
    latest, earlier = taught.final.evidence
    assert set(latest.sample.cutoff) == {plans[0].proof.cutoff}
    assert set(earlier.sample.cutoff) == {plans[1].proof.cutoff}
    assert len(taught.twin.evidence) == 1
    assert set(taught.twin.evidence[0].sample.cutoff) == {plans[1].proof.cutoff}
    for each in (latest, earlier):
        # Our apprentice's margin is the day until which it had been taught.
        assert each.margins.max() + DAYS * DAY <= each.sample.cutoff.min()


def test_settings_are_those_of_today_and_of_the_proof(study: Study, plans: list[Plan]) -> None:
    taught = teach(Apprentice(), study, plans, silent)
    for made, plan in ((taught.final, plans[0]), (taught.twin, plans[1])):
        assert made.setting.origin == plan.target
        assert made.setting.habit == study.habit(plan.target.cutoff)
        assert not made.setting.extrapolated
        assert set(made.now.cutoff) == {plan.target.cutoff}
        assert set(made.now.column(HORIZON)) == {DAYS}


def test_with_two_plans_the_twin_is_weighed_on_customers_left_out(
    study: Study, plans: list[Plan]
) -> None:
    course = Apprentice()
    taught = teach(course, study, plans[:2], silent)
    assert len(taught.final.evidence) == 1
    (evidence,) = taught.twin.evidence
    (halved,) = (lesson for lesson, shapes in course.lessons if shapes is USUAL)
    assert not set(halved.customer_id) & set(evidence.sample.customer_id)
    assert set(evidence.sample.cutoff) == {plans[1].proof.cutoff}


def test_with_a_single_plan_there_is_a_model_and_no_back_test(
    study: Study, plans: list[Plan]
) -> None:
    made = apply(Apprentice(), study, plans[:1], silent)
    assert made.latest_cutoff == plans[0].proof.cutoff
    (evidence,) = made.evidence
    assert set(evidence.sample.cutoff) == {plans[0].proof.cutoff}
    with pytest.raises(NotEnoughHistory, match="too short a history to hold anything out"):
        teach(Apprentice(), study, plans[:1], silent)


def test_where_the_oldest_days_teach_nothing_the_later_ones_still_do(
    study: Study, plans: list[Plan]
) -> None:
    """A young business: its first customers are too few to learn anything from."""
    taught = teach(Apprentice(plans[1].proof.cutoff), study, plans, silent)
    assert len(taught.final.evidence) == 1
    assert set(taught.twin.evidence[0].sample.cutoff) == {plans[1].proof.cutoff}
    with pytest.raises(NotEnoughHistory, match="too old"):
        teach(Apprentice(plans[0].proof.cutoff), study, plans, silent)
    made = apply(Apprentice(plans[0].proof.cutoff), study, plans, silent)
    assert made.latest_cutoff == plans[0].proof.cutoff


def test_evidence_of_stretched_horizons_is_told_from_the_other(
    study: Study, plans: list[Plan]
) -> None:
    taught = teach(Apprentice(), study, plans, silent)
    latest, earlier = taught.final.evidence
    stretched = Evidence(earlier.sample, earlier.margins, extrapolated=True)
    assert alike([latest, stretched], taught.final.setting) == [latest]
