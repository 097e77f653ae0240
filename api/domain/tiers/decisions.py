"""What was decided about tiers: the keys at once, the texts that explain them when asked for."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Mask
from api.domain.policies import Branch, Cuts, PolicyDocument, Rung
from api.domain.reasons import (
    ArrowTexts,
    JsonColumns,
    Piece,
    Texts,
    Written,
    as_objects,
    condition_gap,
    json_of,
    met,
    together,
    unmet,
    written,
)
from api.domain.rules import Masks, Rule, fields_of
from api.domain.tiers.distances import shortfall, slack
from api.domain.tiers.reasons import tier_reasons
from api.domain.tiers.standings import Moves, Standing

Floats = npt.NDArray[np.float64]
STALE = "prediction_stale"
"""The column that is true where a prediction is too old to decide by; optional."""
OVERRIDE_UNTIL = "until"


class ByHand(Protocol):
    @property
    def tier(self) -> npt.NDArray[np.object_]: ...
    @property
    def where(self) -> Mask: ...
    @property
    def until(self) -> npt.NDArray[np.datetime64]: ...


@dataclass(frozen=True)
class Ladder:
    """Rungs and the customers who were placed by them."""

    branch: Branch
    rungs: tuple[Rung, ...]
    where: Mask
    cuts: Cuts
    fallback: bool = False


def score_columns(policy: PolicyDocument, columns: Columns) -> Columns:
    """The columns with a `score.KEY` for each score of the policy's branches.

    Branches may give one key to different scores: each is meant for its own customers only.
    """
    scores = [(branch, score) for branch in policy.branches for score in branch.scores]
    if not scores:
        return columns
    added: dict[str, npt.NDArray[Any]] = {}
    masks = Masks(columns)
    open_ = np.ones(masks.size, dtype=bool)
    for branch in policy.branches:
        inside = open_ & masks.of(branch.rule)
        open_ &= ~inside
        for score in branch.scores:
            column = added.setdefault(f"score.{score.key}", np.full(masks.size, np.nan))
            column[inside] = score.of(columns)[inside]
    return {**columns, **added}


@dataclass(frozen=True)
class TierDecisions:
    """What was decided, in the order of rows."""

    policy: PolicyDocument
    masks: Masks
    ladders: tuple[Ladder, ...]
    plain: npt.NDArray[np.int64]
    """Places by the measures of the day alone; 0 is the best tier, `len(tiers)` none."""
    moves: Moves
    standing: Standing
    as_of: dt.date | None
    overrides: ByHand | None

    @cached_property
    def tiers(self) -> Texts:
        """Tier keys, None for customers below the lowest tier."""
        keys = self._keys(self.moves.place)
        if self.overrides is not None:
            keys[self.overrides.where] = self.overrides.tier[self.overrides.where]
        return keys

    @cached_property
    def naive(self) -> Texts:
        """The tiers that the measures of the day alone would give."""
        return self._keys(self.plain)

    @property
    def cuts(self) -> dict[str, Cuts]:
        """The cut-offs drawn for ladders by share, by branch."""
        return {ladder.branch.key: ladder.cuts for ladder in self.ladders if ladder.cuts}

    def reasons_json(self) -> Texts:
        """For each customer, a JSON list of reasons `{"code", "params"}`."""
        return as_objects(self.reasons_texts())

    def reasons_texts(self) -> ArrowTexts:
        return self._for_everyone(tier_reasons(self), "[", "]")

    def inputs_json(self) -> Texts:
        """For each customer, everything `TierPolicy.replay` needs, as a JSON object."""
        return as_objects(self.inputs_texts())

    def inputs_texts(self) -> ArrowTexts:
        names = list(self.policy.fields)
        labels = [f"{json_of(name)}:" for name in (*names, STALE)]
        texts = (labels[0], *(f",{label}" for label in labels[1:]), "")
        pieces = [Piece(self._everyone, texts, (*names, STALE))]
        if self.as_of is not None:
            # Only where they mattered: else every row would differ from the day before.
            swayed = self.standing.known & (self.moves.place != self.plain)
            day = (f'"_as_of":"{self.as_of.isoformat()}"',)
            pieces.append(Piece(swayed & self.moves.dated, day))
            stood = (
                '"_standing":{"tier":',
                ',"since":',
                ',"watch_since":',
                ',"evaluated_on":',
                "}",
            )
            read = ("_stood", "_stood_since", "_stood_watch_since", "_stood_evaluated_on")
            pieces.append(Piece(swayed, stood, read))
        for branch, cuts in self.cuts.items():
            inside = np.logical_or.reduce(
                [ladder.where for ladder in self.ladders if ladder.branch.key == branch]
            )
            pieces.append(Piece(inside, (f'"_cuts":{json_of({branch: cuts})}',)))
        if self.overrides is not None:
            texts = ('"_override":{"tier":', f',"{OVERRIDE_UNTIL}":', "}")
            pieces.append(Piece(self.overrides.where, texts, ("_tier", "_override_until")))
        return self._for_everyone(pieces, "{", "}")

    def gap_json(self) -> Texts:
        """For each customer, the next better tier and what is missing; None at the top."""
        return as_objects(self.gap_texts)

    @cached_property
    def gap_texts(self) -> ArrowTexts:
        gaps: list[Written] = []
        for rung, rule, scope in self._next_rungs():
            pieces = [condition_gap(each) for each in unmet(rule, self.masks, scope)]
            gaps += self._gap_parts(rung.tier.key, pieces, scope)
        return together(self.masks.size, gaps)

    @cached_property
    def next_tiers(self) -> Texts:
        """Keys of the next better tiers; None at the top."""
        tiers: Texts = np.full(self.masks.size, None, dtype=object)
        for rung, _, scope in self._next_rungs():
            tiers[scope] = rung.tier.key
        return tiers

    @cached_property
    def gap_shares(self) -> Floats:
        """How far it is to the next better tier, as a share of what it asks for.

        NaN at the top, and where what is missing is not measured in numbers.
        """
        shares = np.full(self.masks.size, np.nan)
        for _, rule, scope in self._next_rungs():
            shares[scope] = shortfall(rule, self.masks)[scope]
        return np.where(np.isfinite(shares), shares, np.nan)

    @cached_property
    def spare_shares(self) -> Floats:
        """How far it is to losing the tier, as a share of what keeps it; NaN as in `gap_shares`."""
        shares = np.full(self.masks.size, np.nan)
        for ladder in self.ladders:
            for rung in ladder.rungs:
                inside = ladder.where & (self.moves.place == rung.tier.place)
                if not rung.otherwise and inside.any():
                    shares[inside] = slack(rung.keep, self.masks)[inside]
        return np.where(np.isfinite(shares), shares, np.nan)

    def _next_rungs(self) -> Iterator[tuple[Rung, Rule, Mask]]:
        """Each rung, the rule that leads up to it, and for whom it is the next better one."""
        place = self.moves.place
        for ladder in self.ladders:
            for index, rung in enumerate(ladder.rungs):
                scope = ladder.where & (place > rung.tier.place)
                if index + 1 < len(ladder.rungs):
                    scope &= place <= ladder.rungs[index + 1].tier.place
                if scope.any():
                    # Who has a tier by now moves up by the margin, also who was given it just now.
                    yield rung, rung.rule if self.as_of is None else rung.enter, scope

    def margin_json(self) -> Texts:
        """For each customer, what keeps the tier and the tier that is next without it.

        The shape is that of `gap_json`, with the conditions that are met; None for those who can't
        fall lower.
        """
        return as_objects(self.margin_texts())

    def margin_texts(self) -> ArrowTexts:
        margins: list[Written] = []
        for ladder in self.ladders:
            for index, rung in enumerate(ladder.rungs):
                scope = ladder.where & (self.moves.place == rung.tier.place)
                if rung.otherwise or not scope.any():
                    continue
                rest = ladder.rungs[index + 1 :]
                lower = rest[0].tier.key if rest else None
                found = met(rung.keep, self.masks, scope & self.masks.of(rung.keep))
                margins += self._gap_parts(lower, [condition_gap(each) for each in found], scope)
        return together(self.masks.size, margins)

    def reasons(self, row: int) -> list[dict[str, Any]]:
        """One customer's reasons."""
        return cast("list[dict[str, Any]]", json.loads(self.reasons_json()[row]))

    def _keys(self, places: npt.NDArray[np.int64]) -> Texts:
        keys: Texts = np.array([*(tier.key for tier in self.policy.tiers), None], dtype=object)
        chosen: Texts = keys[places]
        return chosen

    @cached_property
    def _everyone(self) -> Mask:
        return np.ones(self.masks.size, dtype=bool)

    @property
    def decided(self) -> Mask:
        """Whose tier follows from the policy."""
        return self._everyone if self.overrides is None else ~self.overrides.where

    @property
    def stands(self) -> Mask:
        """Who has a tier already, so that moving up takes the enter margin."""
        known = self.standing.known
        return known if self.as_of is not None else np.zeros_like(known)

    @cached_property
    def stale(self) -> Mask:
        column = self.masks.columns.get(STALE)
        return np.zeros(self.masks.size, bool) if column is None else np.asarray(column, bool)

    @cached_property
    def sources(self) -> JsonColumns:
        rules = [
            rule
            for ladder in self.ladders
            for rung in ladder.rungs
            for rule in (rung.rule, rung.keep)
        ]
        sources = JsonColumns(self.masks.columns, {**fields_of(*rules), **self.policy.fields})
        sources.add(STALE, self.stale)
        sources.add("_tier", self.tiers)
        for name in ("since", "watch_since", "evaluated_on"):
            sources.add(f"_stood_{name}", getattr(self.standing, name))
        sources.add("_stood", self.standing.tier)
        sources.add("_watch_since", self.moves.watch_since)
        sources.add("_until", self.moves.until)
        sources.add("_policy_tier", self._keys(self.moves.place))
        if self.overrides is not None:
            sources.add("_override_until", self.overrides.until)
        return sources

    def _gap_parts(self, tier: str | None, pieces: Sequence[Piece], scope: Mask) -> list[Written]:
        opening = f'{{"tier":{json_of(tier)},"conditions":['
        return written(pieces, scope, self.sources, opening, "]}")

    def _for_everyone(self, pieces: Sequence[Piece], opening: str, closing: str) -> ArrowTexts:
        parts = written(pieces, self._everyone, self.sources, opening, closing)
        return together(self.masks.size, parts)
