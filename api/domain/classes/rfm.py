"""Recency, frequency and monetary scores, and the group they fall in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from api.domain.classes.breaks import natural_breaks, upper_quantiles
from api.domain.classes.definitions import (
    RFM_SCORES,
    Assigned,
    Circumstances,
    Codes,
    Column,
    Cutoffs,
)
from api.domain.conditions import Columns, column_of
from api.domain.fields import Field
from api.domain.reasons import Piece, json_of


@dataclass(frozen=True)
class ScoreScale:
    """How a measure becomes a score from 1 to `bins`, the highest the best."""

    measure: Field
    bins: int
    descending: bool
    """Less is better, as with recency."""
    quantiles: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()
    """From the worst to the best, inclusive on the better side; without both, natural breaks."""

    def draw(self, columns: Columns) -> list[float]:
        """Cut-offs from the worst score to the best, as values of the measure."""
        if self.thresholds:
            return list(self.thresholds)
        values = column_of(self.measure.name, columns) * self._sign
        cuts = (
            upper_quantiles(values, self.quantiles)
            if self.quantiles
            else natural_breaks(values, self.bins)
        )
        drawn: list[float] = (cuts * self._sign).tolist()
        return drawn

    def scores(self, columns: Columns, cuts: list[float]) -> Column:
        values = column_of(self.measure.name, columns) * self._sign
        # A quantile belongs to the worse side, a threshold or a break to the better one.
        side: Literal["left", "right"] = "left" if self.quantiles else "right"
        bounds = np.array(cuts, dtype=np.float64) * self._sign
        found: Column = np.searchsorted(bounds, values, side)
        return found + 1

    @property
    def _sign(self) -> int:
        return -1 if self.descending else 1


@dataclass(frozen=True)
class Rfm:
    """Equal customers always get equal scores: they are found by value, never by place."""

    recency: ScoreScale
    frequency: ScoreScale
    monetary: ScoreScale
    table: tuple[tuple[int, ...], ...]
    """Places in the list of values: by recency score from 1, then by the mean of frequency and
    monetary score from 1, rounded up."""

    @cached_property
    def scales(self) -> tuple[tuple[str, ScoreScale], ...]:
        return tuple(zip(RFM_SCORES, (self.recency, self.frequency, self.monetary), strict=True))

    @property
    def reads(self) -> Mapping[str, Field]:
        return {scale.measure.name: scale.measure for _, scale in self.scales}

    @property
    def needs(self) -> Mapping[str, Field]:
        return self.reads

    def draw(self, columns: Columns, _circumstances: Circumstances) -> dict[str, Any]:
        return {name: scale.draw(columns) for name, scale in self.scales}

    def assign(self, columns: Columns, cutoffs: Cutoffs) -> Assigned:
        scores = {name: scale.scores(columns, cutoffs[name]) for name, scale in self.scales}
        worth = (scores["f_score"] + scores["m_score"] + 1) // 2
        codes = np.array(self.table, dtype=np.int8)[scores["r_score"] - 1, worth - 1]
        return Assigned(codes, {name: score.astype(np.float64) for name, score in scores.items()})

    def evidence(self, columns: Columns, cutoffs: Cutoffs, codes: Codes) -> list[Piece]:
        pieces = []
        for name, scale in self.scales:
            scores = scale.scores(columns, cutoffs[name])
            for score in np.unique(scores).tolist():
                opening = (
                    f'{{"code":"class.points","params":{{"field":{json_of(scale.measure.name)},'
                    f'"points":{score},"most":{scale.bins},"value":'
                )
                where = (scores == score) & (codes >= 0)
                pieces.append(Piece(where, (opening, "}}"), (scale.measure.name,)))
        return pieces
