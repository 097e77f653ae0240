"""A weighted score cut into named bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from api.domain.classes.bands import codes_by_bounds
from api.domain.classes.breaks import middle_ranks
from api.domain.classes.definitions import NO_VALUE, Assigned, Circumstances, Codes, Column, Cutoffs
from api.domain.conditions import Columns, column_of, is_missing
from api.domain.fields import Field
from api.domain.reasons import Piece, json_of
from api.domain.scores import HIGHEST, Score, Steps

MOST_STEPS = 100
DECIMALS = 1
"""Of a score as it is shown, and as it is compared with the bands."""


@dataclass(frozen=True)
class Weighted:
    """Criteria with weights that sum to 1; the highest band first, the last without a bound."""

    score: Score
    ranked: frozenset[str]
    """Criteria whose points are the share of other customers below, among those above zero."""
    bounds: tuple[float, ...]

    @property
    def reads(self) -> Mapping[str, Field]:
        return {each.field.name: each.field for each in self.score.criteria}

    @property
    def needs(self) -> Mapping[str, Field]:
        return {}

    def draw(self, columns: Columns, _circumstances: Circumstances) -> dict[str, Any]:
        """By ranked criterion the steps `[measure, points]`, lowest first."""
        return {
            each.key: _steps(column_of(each.field.name, columns))
            for each in self.score.criteria
            if each.key in self.ranked
        }

    def assign(self, columns: Columns, cutoffs: Cutoffs) -> Assigned:
        score = self.scores(columns, cutoffs)
        codes = codes_by_bounds(np.nan_to_num(score), self.bounds)
        codes[np.isnan(score)] = NO_VALUE
        return Assigned(codes, {"score": score})

    def scores(self, columns: Columns, cutoffs: Cutoffs) -> Column:
        """0 to 100; NaN where nothing that counts is known."""
        drawn = self._drawn(cutoffs)
        if not drawn.criteria:
            return np.full(len(next(iter(columns.values()))), np.nan)
        return np.round(drawn.of(columns), DECIMALS)

    def evidence(self, columns: Columns, cutoffs: Cutoffs, codes: Codes) -> list[Piece]:
        drawn = self._drawn(cutoffs)
        if not drawn.criteria:
            return []
        contributions, mosts = drawn.contributions(columns), drawn.most_points(columns)
        pieces = []
        for criterion in drawn.criteria:
            known = (codes >= 0) & ~is_missing(column_of(criterion.field.name, columns))
            points, most = (
                np.round(each[criterion.key], DECIMALS) for each in (contributions, mosts)
            )
            pairs = np.unique(np.stack([points[known], most[known]]), axis=1)
            for brought, possible in pairs.T.tolist():
                shown = criterion.field.name.removesuffix(".score")
                opening = (
                    f'{{"code":"class.points","params":{{"field":{json_of(shown)},'
                    f'"points":{brought:g},"most":{possible:g},"value":'
                )
                where = known & (points == brought) & (most == possible)
                pieces.append(Piece(where, (opening, "}}"), (criterion.field.name,)))
        return pieces

    def _drawn(self, cutoffs: Cutoffs) -> Score:
        """With ranks; a measure that nobody has anything of leaves its weight to the others."""
        criteria = []
        for each in self.score.criteria:
            if each.key in self.ranked:
                if not cutoffs[each.key]:
                    continue
                descending = cutoffs[each.key][::-1]
                steps = Steps(
                    tuple(step for step, _ in descending), tuple(worth for _, worth in descending)
                )
                each = replace(each, points=steps)
            criteria.append(each)
        return replace(self.score, criteria=tuple(criteria))


def _steps(values: Column) -> list[list[float]]:
    """Points by rank among the values above zero, in at most `MOST_STEPS` steps."""
    distinct, ranks = middle_ranks(values[values > 0])
    if len(distinct) > MOST_STEPS:
        level = np.floor(ranks * MOST_STEPS)
        first = np.flatnonzero(np.diff(level, prepend=-1) > 0)
        distinct, ranks = distinct[first], level[first] / MOST_STEPS
    points = np.round(ranks * HIGHEST, DECIMALS)
    return [[value, worth] for value, worth in zip(distinct.tolist(), points.tolist(), strict=True)]
