"""Which strategies to recommend: for each customer, ranked by expected gain net of cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Mask, column_of
from api.domain.reasons import (
    JsonColumns,
    Piece,
    Texts,
    assemble,
    columns_at,
    condition_reason,
    met,
    reason,
)
from api.domain.rules import EVERYONE, Masks, fields_of
from api.domain.strategy_documents import (
    ExpectedGain,
    Share,
    Strategy,
    parse_strategies,
    parse_strategy,
)

__all__ = ["Recommendations", "Strategy", "parse_strategies", "parse_strategy", "recommend"]

CHUNK = 100_000
"""Customers ranked at a time: keeps the table of gains small however many there are."""
NOT_FOR_THEM = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Recommendations:
    """One row per recommendation, by customer (a row number of the columns), then by priority."""

    customer_index: npt.NDArray[np.int64]
    priority: npt.NDArray[np.int64]
    """1 is the first thing to do."""
    strategy_index: npt.NDArray[np.int64]
    expected_gain_minor: npt.NDArray[np.int64]
    """Net of the strategy's cost."""
    catalogue: tuple[Strategy, ...]
    columns: Columns

    @property
    def strategy_key(self) -> Texts:
        keys = np.array([strategy.key for strategy in self.catalogue] or [""], dtype=object)
        return cast(Texts, keys[self.strategy_index])

    def reasons_json(self) -> Texts:
        """For each recommendation, a JSON list of reasons `{"code", "params"}`."""
        texts: Texts = np.full(len(self.priority), None, dtype=object)
        read = fields_of(*(strategy.rule for strategy in self.catalogue))
        sources = JsonColumns(self.columns, read)
        for place, strategy in enumerate(self.catalogue):
            rows = np.flatnonzero(self.strategy_index == place)
            if len(rows):
                texts[rows] = self._reasons_of(strategy, self.customer_index[rows], sources)
        return texts

    def _reasons_of(
        self, strategy: Strategy, customers: npt.NDArray[np.int64], whole: JsonColumns
    ) -> Texts:
        masks = Masks(columns_at(self.columns, fields_of(strategy.rule), customers))
        where = np.ones(len(customers), dtype=bool)
        sources = whole.at(customers)
        pieces = [
            condition_reason("strategy.condition_met", each)
            for each in met(strategy.rule, masks, where)
        ]
        if strategy.rule == EVERYONE:
            pieces.append(reason(where, "strategy.for_everyone"))
        if strategy.expected_gain is not None:
            base = _base(strategy.expected_gain.share_of, self.columns, customers)
            sources.add("_base", base, whole=True)
            pieces.append(_gain_piece(strategy, strategy.expected_gain, where))
        return assemble(pieces, where, sources, "[", "]")


def _gain_piece(strategy: Strategy, gain: ExpectedGain, where: Mask) -> Piece:
    code = "value_at_risk" if gain.share_of == "clv_at_risk" else f"share_of_{gain.share_of}"
    opening = f'{{"code":"strategy.{code}","params":{{"amount":'
    closing = f',"rate":{gain.rate!r},"cost":{strategy.cost_minor}}}}}'
    return Piece(where, (opening, closing), ("_base",))


def _base(share_of: Share, columns: Columns, rows: Any) -> npt.NDArray[np.float64]:
    """The amount a gain is a share of, in whole minor units; unknown or negative counts as 0."""
    name = "net_spend" if share_of == "net_spend" else "clv"
    amount = column_of(name, columns)[rows].astype(np.float64)
    if share_of == "clv_at_risk":
        amount = amount * column_of("churn_probability", columns)[rows]
    whole: npt.NDArray[np.float64] = np.rint(np.maximum(np.nan_to_num(amount, nan=0.0), 0.0))
    return whole


def recommend(catalogue: Iterable[Strategy], columns: Columns, limit: int) -> Recommendations:
    """The best strategies for each customer, at most `limit`, by expected gain net of cost.

    Equal gains are ordered with strategies for everyone last, then by key. Reads the columns of
    the rules, clv, churn_probability and net_spend.
    """
    ordered = tuple(sorted(catalogue, key=lambda each: (each.rule == EVERYONE, each.key)))
    size = len(next(iter(columns.values()))) if columns else 0
    masks = Masks(columns)
    applies = [masks.of(strategy.rule) for strategy in ordered]
    parts = []
    for start in range(0, size if ordered else 0, CHUNK):
        rows = slice(start, min(start + CHUNK, size))
        gains = np.stack(
            [
                _net_gains(strategy, mask[rows], columns, rows)
                for strategy, mask in zip(ordered, applies, strict=True)
            ]
        )
        _suppress(ordered, gains)
        _keep_best_of_groups(ordered, gains)
        parts.append(_ranked(gains, limit, start))
    customers, priorities, strategies, gain = (
        np.concatenate([part[place] for part in parts]) if parts else np.empty(0, dtype=np.int64)
        for place in range(4)
    )
    return Recommendations(customers, priorities, strategies, gain, ordered, columns)


def _net_gains(
    strategy: Strategy, applies: Mask, columns: Columns, rows: slice
) -> npt.NDArray[np.int64]:
    gross: npt.NDArray[np.int64] = np.zeros(len(applies), dtype=np.int64)
    if (gain := strategy.expected_gain) is not None:
        gross = np.rint(_base(gain.share_of, columns, rows) * gain.rate).astype(np.int64)
    net = gross - strategy.cost_minor
    return np.where(applies & (net >= strategy.min_gain_minor), net, NOT_FOR_THEM)


def _suppress(ordered: Sequence[Strategy], gains: npt.NDArray[np.int64]) -> None:
    for place, strategy in enumerate(ordered):
        for other, suppressed in enumerate(ordered):
            if other != place and suppressed.conflict_group in strategy.suppresses:
                gains[other, gains[place] != NOT_FOR_THEM] = NOT_FOR_THEM


def _keep_best_of_groups(ordered: Sequence[Strategy], gains: npt.NDArray[np.int64]) -> None:
    groups: dict[str, list[int]] = {}
    for place, strategy in enumerate(ordered):
        if strategy.conflict_group is not None:
            groups.setdefault(strategy.conflict_group, []).append(place)
    for places in groups.values():
        best = np.argmax(gains[places], axis=0)
        for rank, place in enumerate(places):
            gains[place, best != rank] = NOT_FOR_THEM


def _ranked(
    gains: npt.NDArray[np.int64], limit: int, start: int
) -> tuple[npt.NDArray[np.int64], ...]:
    # ~x reverses the order of integers without the overflow that -x has at the lowest one.
    order = np.argsort(~gains, axis=0, kind="stable")[:limit]
    ranked = np.take_along_axis(gains, order, axis=0)
    customers, ranks = np.nonzero(ranked.T != NOT_FOR_THEM)
    return customers + start, ranks + 1, order[ranks, customers], ranked[ranks, customers]
