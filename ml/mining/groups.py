"""Groups of customers alike in many aspects, named for what sets them apart, stable between runs.

A run starts from the groups of the previous one: their scale, their centres and their keys. So
customers change groups because they changed, and not because the numbering did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from scipy.optimize import linear_sum_assignment

from ml.backends import connect
from ml.contracts import day_of
from ml.errors import BadModel, NotEnoughHistory
from ml.facts import FactStore
from ml.features import Language
from ml.mining.affinity import few
from ml.mining.baskets import Ints
from ml.mining.clustering import choose_count, fit_centres, nearest, refine
from ml.mining.group_aspects import ASPECTS, Words, aspects_of, name_of, words_of
from ml.mining.group_sql import MONTHS_SQL
from ml.sample import Floats

FORMAT = 1
MIN_CUSTOMERS = 50
LEARNED_FROM = 20_000
LIMIT = 3.0
"""Nobody is further from the middle than so many (robust) standard deviations."""
STAY = 0.9
"""A customer leaves a group only for one whose centre is nearer than this part of the distance."""
LEAST_SHARE = 0.005
"""A group that fewer customers are left in is given up."""
ASLEEP = "asleep"
"""The key of those who bought nothing within the last year."""


@dataclass(frozen=True)
class Group:
    """`centre` is in scaled units; `deviation` is the mean of its members less everybody's."""

    key: str
    words: Words
    centre: tuple[float, ...]
    deviation: Mapping[str, float]
    size: int

    def name(self, language: Language) -> str:
        return name_of(self.words, language)


@dataclass(frozen=True)
class Groups:
    """The groups of one run and who is in which; a document holds everything but the members."""

    groups: tuple[Group, ...]
    middle: tuple[float, ...]
    scale: tuple[float, ...]
    cutoff: int
    asleep: int
    moved: float | None
    """The share of customers of both runs whose group is another now; None on the first run."""
    members: Mapping[int, str]

    def to_document(self) -> dict[str, Any]:
        named = {**vars(self), "groups": [vars(group) for group in self.groups]}
        del named["members"]
        return {"format": FORMAT, "aspects": [aspect.key for aspect in ASPECTS], **named}

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], members: Mapping[int, str] | None = None
    ) -> Self:
        """
        Raises:
            BadModel: the document is of another format or knows other aspects.
        """
        aspects = [aspect.key for aspect in ASPECTS]
        if document.get("format") != FORMAT or document.get("aspects") != aspects:
            raise BadModel("The previous groups were made by another version: find them anew.")
        return cls(
            groups=tuple(_group(group) for group in document["groups"]),
            middle=tuple(document["middle"]),
            scale=tuple(document["scale"]),
            cutoff=document["cutoff"],
            asleep=document["asleep"],
            moved=document["moved"],
            members=members or {},
        )

    def assign(self, table: pa.Table) -> dict[int, str]:
        """The group's key of each customer, from rows of `ml.mining.group_sql.MONTHS_SQL`.

        A member stays unless another group is clearly nearer.
        """
        ids = table["customer_id"].to_numpy()
        awake = table["active_months"].to_numpy() > 0
        points = self.scaled(aspects_of(table))
        centres = np.array([group.centre for group in self.groups])
        keys = [group.key for group in self.groups]
        place = _held(points, centres, nearest(points, centres), self._places(ids, keys))
        found = [keys[at] if up else ASLEEP for at, up in zip(place, awake, strict=True)]
        return dict(zip(ids.tolist(), found, strict=True))

    def _places(self, ids: Ints, keys: list[str]) -> Ints:
        number = {key: place for place, key in enumerate(keys)}
        return np.array([number.get(self.members.get(each, ""), -1) for each in ids.tolist()])

    def scaled(self, aspects: Floats) -> Floats:
        away = (aspects - np.array(self.middle)) / np.array(self.scale)
        return np.asarray(np.clip(away, -LIMIT, LIMIT), np.float64)


def _group(document: Mapping[str, Any]) -> Group:
    words = tuple((str(key), bool(high)) for key, high in document["words"])
    return Group(
        document["key"], words, tuple(document["centre"]), document["deviation"], document["size"]
    )


def _held(points: Floats, centres: Floats, best: Ints, before: Ints) -> Ints:
    """The best place of each point, or the one before where the best is hardly nearer."""
    far = np.linalg.norm(points - centres[best], axis=1)
    old = np.linalg.norm(points - centres[np.maximum(before, 0)], axis=1)
    return np.where((before >= 0) & (far >= STAY * old), before, best)


def find_groups(
    store: Path | FactStore,
    *,
    cutoff: int,
    seed: int = 0,
    previous: Groups | None = None,
    count: int | None = None,
    threads: int = 1,
) -> Groups:
    """Groups of everyone who ever bought; `count` of them, or as many as are stable and apart.

    Raises:
        NotEnoughHistory: fewer than MIN_CUSTOMERS bought within the last year.
    """
    facts = store if isinstance(store, FactStore) else FactStore(store)
    with connect(threads) as backend:
        backend.open(facts)
        backend.cut([cutoff])
        table = backend.query(MONTHS_SQL)
        awake = table.filter(pa.array(table["active_months"].to_numpy() > 0))
        if awake.num_rows < MIN_CUSTOMERS:
            raise NotEnoughHistory(
                f"Only {awake.num_rows} customers bought in the year up to "
                f"{day_of(cutoff - 1, backend.time_zone)}; groups need at least {MIN_CUSTOMERS}."
            )
    aspects = aspects_of(awake)
    empty = _empty(aspects, cutoff, previous)
    points = empty.scaled(aspects)
    taught = points[few(awake["customer_id"].to_numpy(), LEARNED_FROM)]
    centres, keys = _centres(taught, previous, count, np.random.default_rng(seed))
    drawn = tuple(
        Group(key, (), tuple(centre.tolist()), {}, 0)
        for key, centre in zip(keys, centres, strict=True)
    )
    members = replace(empty, groups=drawn).assign(table)
    return _described(replace(empty, groups=drawn), members, awake, points, previous)


def _empty(aspects: Floats, cutoff: int, previous: Groups | None) -> Groups:
    """No groups yet: the scale of the previous run, or a robust one of these customers."""
    if previous is not None:
        return replace(previous, groups=(), cutoff=cutoff)
    middle = np.median(aspects, axis=0)
    low, high = np.quantile(aspects, (0.25, 0.75), axis=0)
    spread = np.where(high > low, (high - low) / 1.349, aspects.std(axis=0))
    scale = np.maximum(spread, [aspect.least for aspect in ASPECTS])
    return Groups((), tuple(middle.tolist()), tuple(scale.tolist()), cutoff, 0, None, {})


def _centres(
    points: Floats, previous: Groups | None, count: int | None, random: np.random.Generator
) -> tuple[Floats, list[str]]:
    """Centres with their keys, those of the previous run kept where they are still there."""
    if previous is not None and count in (None, len(previous.groups)):
        before = np.array([group.centre for group in previous.groups])
        centres, _ = refine(points, before)
        share = np.bincount(nearest(points, centres), minlength=len(centres)) / len(points)
        alive = share >= LEAST_SHARE if count is None else np.ones(len(centres), np.bool_)
        keys = [group.key for group, lives in zip(previous.groups, alive, strict=True) if lives]
        return refine(points, centres[alive])[0], keys
    centres = fit_centres(points, count or choose_count(points, random), random)
    centres = centres[np.argsort(-centres[:, 0], kind="stable")]
    if previous is None:
        return centres, [f"g{number}" for number in range(1, len(centres) + 1)]
    before = np.array([group.centre for group in previous.groups])
    apart = np.linalg.norm(centres[:, None] - before[None], axis=2)
    ours, theirs = linear_sum_assignment(apart)
    matched = {
        int(our): previous.groups[their].key for our, their in zip(ours, theirs, strict=True)
    }
    last = max(int(group.key.removeprefix("g")) for group in previous.groups)
    fresh = iter(range(last + 1, last + 1 + len(centres)))
    return centres, [matched.get(at) or f"g{next(fresh)}" for at in range(len(centres))]


def _described(
    drawn: Groups,
    members: Mapping[int, str],
    awake: pa.Table,
    points: Floats,
    previous: Groups | None,
) -> Groups:
    """Sizes, deviations and names, and how many moved."""
    keys = np.array([members[each] for each in awake["customer_id"].to_pylist()])
    overall = points.mean(axis=0)
    groups = []
    for group in drawn.groups:
        inside = points[keys == group.key]
        mean = inside.mean(axis=0) if len(inside) else np.array(group.centre)
        deviation = {
            aspect.key: round(float(value), 6)
            for aspect, value in zip(ASPECTS, mean - overall, strict=True)
        }
        groups.append(replace(group, deviation=deviation, size=len(inside)))
    before = {group.key: group.words for group in previous.groups} if previous else {}
    words = words_of(
        [group.deviation for group in groups], [before.get(group.key, ()) for group in groups]
    )
    named = [replace(group, words=chosen) for group, chosen in zip(groups, words, strict=True)]
    moved = None
    if previous is not None and (both := previous.members.keys() & members.keys()):
        moved = sum(previous.members[each] != members[each] for each in both) / len(both)
    return replace(
        drawn,
        groups=tuple(named),
        members=members,
        moved=moved,
        asleep=len(members) - awake.num_rows,
    )
