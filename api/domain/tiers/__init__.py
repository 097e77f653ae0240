"""Tier decisions: a policy applied to columns, for one customer or a million.

A decision is pure: the same policy, the same inputs and the same standing give the same tier,
whatever the order of rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Mask, column_of, is_missing
from api.domain.fields import FIELDS, Field
from api.domain.policies import Branch, Cuts, PolicyDocument, parse_document
from api.domain.rules import Masks
from api.domain.tiers.decisions import OVERRIDE_UNTIL, STALE, Ladder, TierDecisions, score_columns
from api.domain.tiers.standings import NOWHERE, Moves, Standing, Wishes, move

__all__ = ["STALE", "Overrides", "Standing", "TierDecisions", "TierPolicy", "parse_policy"]

BranchCuts = Mapping[str, Cuts]
"""The cut-offs of ladders by share, by branch."""
ANY_DAY = dt.date(9999, 1, 1)
"""The day of a decision that did not depend on it: after every grace."""


def parse_policy(
    document: object, exponent: int, fields: Mapping[str, Field] = FIELDS
) -> TierPolicy:
    """Read a policy; `exponent` is the base currency's, `fields` includes custom attributes.

    Raises:
        InvalidInput: names the path in the document and the way out.
    """
    return TierPolicy(parse_document(document, exponent, fields))


@dataclass(frozen=True)
class Overrides:
    """Tiers that people set by hand, in the order of rows."""

    tier: npt.NDArray[np.object_]
    where: Mask
    until: npt.NDArray[np.datetime64]
    """The last day each holds."""


@dataclass(frozen=True)
class TierPolicy:
    document: PolicyDocument

    def decide(
        self,
        columns: Columns,
        standing: Standing | None = None,
        as_of: dt.date | None = None,
        *,
        cuts: BranchCuts | None = None,
        overrides: Overrides | None = None,
    ) -> TierDecisions:
        """The tier of every customer.

        Needs the columns of `document.fields`; `prediction_stale` is optional. With a `standing`
        (and the day) bands, minimum stay and grace count; without one everybody gets what the
        measures say. `cuts` are those of an earlier decision; by default they are drawn anew.
        """
        columns = score_columns(self.document, columns)
        masks = Masks(columns)
        standing = standing or Standing.of(masks.size)
        current = self._places(standing)
        ladders: list[Ladder] = []
        moves, plain = _Scattered(masks.size), np.empty(masks.size, np.int64)
        open_ = np.ones(masks.size, dtype=bool)
        for branch in self.document.branches:
            inside = open_ & masks.of(branch.rule)
            open_ &= ~inside
            known = standing if as_of is not None else Standing.of(masks.size)
            climbed = self._climb(branch, masks, inside, cuts, known)
            ladders += climbed.ladders
            moved = move(
                climbed.wishes,
                replace(known, known=known.known & (current >= 0)),
                np.maximum(current, 0),
                branch.stability,
                self._grace(branch),
                as_of or ANY_DAY,
            )
            moves.take(moved, inside)
            plain[inside] = climbed.wishes.plain[inside]
        return TierDecisions(
            self.document, masks, tuple(ladders), plain, moves.whole(), standing, as_of, overrides
        )

    def replay(self, inputs: Mapping[str, Any]) -> str | None:
        """The tier that these stored inputs lead to."""
        stood = inputs.get("_standing")
        decisions = self.decide(
            self.columns_of(inputs),
            None if stood is None else _standing(stood),
            dt.date.fromisoformat(inputs.get("_as_of", ANY_DAY.isoformat())),
            cuts=inputs.get("_cuts"),
            overrides=_override(inputs.get("_override")),
        )
        return cast("str | None", decisions.tiers[0])

    def columns_of(self, inputs: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
        """The columns, of one row, that stored inputs were written from."""
        fields = self.document.fields
        columns = {name: _column(inputs[name], field) for name, field in fields.items()}
        columns[STALE] = np.array([bool(inputs[STALE])])
        return columns

    def _places(self, standing: Standing) -> npt.NDArray[np.int64]:
        """Where customers stand on this policy's ladder; -1 where their tier is none of its."""
        below: dict[str | None, int] = {None: len(self.document.tiers)}
        places = below | {tier.key: tier.place for tier in self.document.tiers}
        listed = (places.get(key, -1) for key in standing.tier.tolist())
        found = np.fromiter(listed, np.int64, len(standing.tier))
        return np.where(standing.known, found, -1)

    def _grace(self, branch: Branch) -> npt.NDArray[np.int64]:
        usual = branch.stability.grace_months
        own = [tier.grace_months for tier in self.document.tiers]
        return np.array([*(usual if each is None else each for each in own), 0], dtype=np.int64)

    def _climb(
        self,
        branch: Branch,
        masks: Masks,
        inside: Mask,
        cuts: BranchCuts | None,
        standing: Standing,
    ) -> _Climbed:
        drawn: Cuts = {}
        if branch.quantiles is not None:
            kept = (cuts or {}).get(branch.key)
            drawn = branch.quantiles.draw(masks.columns, inside) if kept is None else kept
        usable = _usable(branch, masks)
        below = len(self.document.tiers)
        ladders = (
            Ladder(branch, branch.ladder(drawn), inside & usable, drawn),
            Ladder(branch, branch.fallback, inside & ~usable, drawn, fallback=True),
        )
        wishes = Wishes(*(np.full(masks.size, below) for _ in range(3)))
        for ladder in ladders:
            if not ladder.where.any():
                continue
            _first_fits(wishes.plain, ladder, masks, "rule")
            if standing.known.any():
                _first_fits(wishes.up, ladder, masks, "enter")
                _first_fits(wishes.kept, ladder, masks, "keep")
        return _Climbed(ladders, wishes)


@dataclass(frozen=True)
class _Climbed:
    ladders: tuple[Ladder, ...]
    wishes: Wishes


class _Scattered:
    """The moves of all branches, each for its own customers."""

    def __init__(self, size: int) -> None:
        days = [np.full(size, NOWHERE) for _ in range(4)]
        self._moves = Moves(
            np.zeros(size, np.int64),
            days[0],
            days[1],
            days[2],
            np.full(size, None, dtype=object),
            days[3],
            np.zeros(size, bool),
        )

    def take(self, moves: Moves, inside: Mask) -> None:
        for name, column in vars(moves).items():
            getattr(self._moves, name)[inside] = column[inside]

    def whole(self) -> Moves:
        return self._moves


def _first_fits(places: npt.NDArray[np.int64], ladder: Ladder, masks: Masks, name: str) -> None:
    open_ = ladder.where.copy()
    for rung in ladder.rungs:
        rule = {"rule": rung.rule, "enter": rung.enter, "keep": rung.keep}[name]
        hit = open_ & masks.of(rule)
        places[hit] = rung.tier.place
        open_ &= ~hit


def _usable(branch: Branch, masks: Masks) -> Mask:
    """Where every prediction that the ladder reads is there and fresh enough."""
    usable = np.ones(masks.size, dtype=bool)
    names = branch.predicted_fields
    for name in names:
        usable &= ~is_missing(column_of(name, masks.columns))
    if names and STALE in masks.columns:
        usable &= ~column_of(STALE, masks.columns).astype(bool)
    return usable


def _column(value: Any, field: Field) -> npt.NDArray[Any]:
    if field.type == "date":
        return np.array([value or "NaT"], dtype="datetime64[D]")
    if field.type in ("number", "money", "boolean"):
        return np.array([np.nan if value is None else value])
    return np.array([value], dtype=object)


def _day(value: Any) -> npt.NDArray[np.datetime64]:
    return np.array([value or "NaT"], dtype="datetime64[D]")


def _standing(stood: Mapping[str, Any]) -> Standing:
    tier: npt.NDArray[np.object_] = np.array([stood["tier"]], dtype=object)
    days = (_day(stood[name]) for name in ("since", "watch_since", "evaluated_on"))
    return Standing(tier, np.ones(1, dtype=bool), *days)


def _override(override: Mapping[str, Any] | None) -> Overrides | None:
    if override is None:
        return None
    tier: npt.NDArray[np.object_] = np.array([override["tier"]], dtype=object)
    return Overrides(tier, np.ones(1, dtype=bool), _day(override[OVERRIDE_UNTIL]))
