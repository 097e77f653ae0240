"""The course that every model takes: learn, be judged on what came later, learn again from all.

    final  <- teachers of today's plan, weighed by what the two below foretold
    twin   <- teachers of the plan as of the proof: the latest window seen to its end
    first  <- teachers of the plan as of the twin's own proof

The twin is the back-test: it has learned, and been weighed, by nothing that its proof could not
have known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ml.booster import Shape
from ml.btyd import Habit
from ml.contracts import DAY, AttributeField
from ml.dataset import Progress, Span
from ml.errors import NotEnoughHistory
from ml.learning.origins import Origin, Plan, plan
from ml.learning.study import Study
from ml.members import Members, folds
from ml.sample import Floats, Sample

Shapes = Mapping[str, Shape]
USUAL = {"trees": Shape(3, 120), "core": Shape(3, 100), "residual": Shape(3, 80)}
"""For members whose only task is to show how much each of them is worth."""


@dataclass(frozen=True)
class Learned:
    """Members that have learned, before they are weighed; `scale` is what they start from."""

    members: Members
    scale: float
    shapes: Shapes


@dataclass(frozen=True)
class Evidence:
    """What members foretold of customers whose window they had not seen: a column per member."""

    sample: Sample
    margins: Floats
    extrapolated: bool
    """Whether the members had never seen a window as long as this one."""


def alike(evidence: Sequence[Evidence], setting: Setting) -> list[Evidence]:
    """Evidence of the level that predictions for this setting have: what was learned by stretching
    a horizon says nothing about one that was not stretched."""
    return [each for each in evidence if each.extrapolated == setting.extrapolated]


@dataclass(frozen=True)
class Setting:
    """What a model is made for."""

    attributes: tuple[AttributeField, ...]
    habit: Habit
    origin: Origin
    extrapolated: bool


ModelT = TypeVar("ModelT", covariant=True)


class Course(Protocol[ModelT]):
    """What churn and value differ by."""

    def learn(self, lesson: Sample, shapes: Shapes | None) -> Learned:
        """Grow all members; without `shapes` they are chosen first."""
        ...

    def margins(self, learned: Learned, sample: Sample) -> Floats: ...

    def finish(
        self, learned: Learned, evidence: Sequence[Evidence], now: Sample, setting: Setting
    ) -> ModelT:
        """Weigh the members by the evidence, the latest first; `now` are those to be scored."""
        ...


@dataclass(frozen=True)
class Taught(Generic[ModelT]):
    """A model, its back-test twin, and the holdout that the twin was judged on, as it saw it."""

    final: ModelT
    twin: ModelT
    proof: Origin
    teachers: Sample
    judged: Sample
    shapes: Shapes


def chain(span: Span, target: Origin) -> list[Plan]:
    """The target's plan, that of its proof, and so on: three at most, fewer where history ends.

    Raises:
        NotEnoughHistory: there is not even one.
    """
    plans = [plan(span.first_at, target, span.time_zone)]
    while len(plans) < 3:
        try:
            plans.append(plan(span.first_at, plans[-1].proof, span.time_zone))
        except NotEnoughHistory:
            break
    return plans


def origins_of(plans: Sequence[Plan]) -> set[Origin]:
    return {origin for each in plans for origin in each.teachers}


Late = Callable[[], bool]
"""Whether there is too little time left for a search."""


def never_late() -> bool:
    return False


def deadline(seconds: float | None, clock: Callable[[], float]) -> Late:
    """Late from a quarter of the time on: what comes after the search takes the rest."""
    end = None if seconds is None else clock() + seconds / 4.0
    return lambda: end is not None and clock() > end


def teach(
    course: Course[ModelT],
    study: Study,
    plans: Sequence[Plan],
    tell: Progress,
    late: Late = never_late,
) -> Taught[ModelT]:
    """Final model and twin; `plans` are at least two and `study` is prepared for them.

    Depths and rounds are searched for unless it is `late`; then the usual ones have to do.

    Raises:
        NotEnoughHistory: nothing can be held out, or a window taught nothing.
    """
    if len(plans) < 2:
        known_days = (plans[0].target.cutoff - study.span.first_at) // DAY
        raise NotEnoughHistory(
            f"{known_days} days of purchases are too short a history to hold anything out and "
            "judge a model by: import older orders."
        )
    today, before = plans[0], plans[1]
    earlier = _first(course, study, plans[2:])
    lesson = study.lesson(before)
    tell("Fitting", 0.2)
    twin = course.learn(lesson, USUAL if late() else None)
    tell("Fitting", 0.6)
    judged = study.extended(today.proof)
    latest = Evidence(judged, course.margins(twin, judged), before.extrapolated)
    final = course.learn(study.lesson(today), twin.shapes)
    tell("Fitting", 1.0)
    return Taught(
        final=course.finish(final, [latest, *earlier], _now(study, today), _setting(study, today)),
        twin=course.finish(
            twin,
            earlier or [_halves(course, study, before)],
            judged,
            _setting(study, before),
        ),
        proof=today.proof,
        teachers=lesson,
        judged=judged,
        shapes=twin.shapes,
    )


def apply(
    course: Course[ModelT],
    study: Study,
    plans: Sequence[Plan],
    tell: Progress,
    late: Late = never_late,
) -> ModelT:
    """Only the final model; where nothing can be held out, it is weighed on customers left out.

    Raises:
        NotEnoughHistory: a window taught nothing.
    """
    if len(plans) > 1:
        try:
            return teach(course, study, plans, tell, late).final
        except NotEnoughHistory:
            # Too little had happened before the proof; with its window there may be enough.
            tell("Fitting", 0.0)
    today = plans[0]
    learned = course.learn(study.lesson(today), USUAL)
    evidence = [_halves(course, study, today)]
    tell("Fitting", 1.0)
    return course.finish(learned, evidence, _now(study, today), _setting(study, today))


def _first(course: Course[ModelT], study: Study, plans: Sequence[Plan]) -> list[Evidence]:
    """What members that knew still less foretold of the twin's proof; none where none could."""
    if not plans:
        return []
    try:
        judged = study.extended(plans[0].target)
        learned = course.learn(study.lesson(plans[0]), USUAL)
    except NotEnoughHistory:
        # The first customers of a young business; it can do without this evidence.
        return []
    return [Evidence(judged, course.margins(learned, judged), plans[0].extrapolated)]


def _halves(course: Course[ModelT], study: Study, each: Plan) -> Evidence:
    """Half of the customers foretold by what the other half did at the same time."""
    lesson = study.lesson(each)
    one, other = folds(lesson, most=0)[0]
    learned = course.learn(lesson.where(one), USUAL)
    latest = other & (lesson.cutoff == each.proof.cutoff)
    judged = lesson.where(latest if latest.any() else other)
    return Evidence(judged, course.margins(learned, judged), each.extrapolated)


def _now(study: Study, each: Plan) -> Sample:
    return study.habit(each.target.cutoff).extend(
        study.buyers(each.target.cutoff), each.target.horizon_days
    )


def _setting(study: Study, each: Plan) -> Setting:
    habit = study.habit(each.target.cutoff)
    return Setting(study.attributes(each.target.cutoff), habit, each.target, each.extrapolated)
