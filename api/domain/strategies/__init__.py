"""Which strategies to recommend: for each customer, ranked by expected gain net of cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Mask
from api.domain.reasons import (
    ArrowTexts,
    JsonColumns,
    Piece,
    Texts,
    Written,
    as_objects,
    columns_at,
    condition_reason,
    met,
    reason,
    together,
    written,
)
from api.domain.rules import EVERYONE, Masks, fields_of
from api.domain.strategies.choice import Candidates, Chosen
from api.domain.strategies.circumstances import Circumstances
from api.domain.strategies.documents import (
    ExpectedGain,
    Strategy,
    parse_strategies,
    parse_strategy,
)
from api.domain.strategies.gains import base_of
from api.domain.strategies.limits import within_limits

__all__ = ["Recommendations", "Strategy", "parse_strategies", "parse_strategy", "recommend"]

NOTHING_KNOWN = Circumstances()
TEXTS_AT_ONCE = 100_000


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
        chunks = [as_objects(chunk) for chunk in self.reasons_texts()]
        return np.concatenate([np.empty(0, dtype=object), *chunks])

    def reasons_texts(self) -> Iterator[ArrowTexts]:
        """The same in chunks, one after the other, so that little is held beside them."""
        fields = fields_of(*(strategy.rule for strategy in self.catalogue))
        for start in range(0, len(self.priority), TEXTS_AT_ONCE):
            chosen = slice(start, start + TEXTS_AT_ONCE)
            first, last = self.customer_index[chosen][[0, -1]]
            columns = {name: column[first : last + 1] for name, column in self.columns.items()}
            sources = JsonColumns(columns, fields)
            customers, strategies = self.customer_index[chosen] - first, self.strategy_index[chosen]
            parts: list[Written] = []
            for place in np.unique(strategies).tolist():
                rows = np.flatnonzero(strategies == place)
                texts = _reasons_of(self.catalogue[place], customers[rows], columns, sources)
                parts.append((rows, texts))
            yield together(len(customers), parts)


def _reasons_of(
    strategy: Strategy, customers: npt.NDArray[np.int64], columns: Columns, whole: JsonColumns
) -> ArrowTexts:
    masks = Masks(columns_at(columns, fields_of(strategy.rule), customers))
    where = np.ones(len(customers), dtype=bool)
    sources = whole.at(customers)
    pieces = [
        condition_reason("strategy.condition_met", each)
        for each in met(strategy.rule, masks, where)
    ]
    if strategy.rule == EVERYONE:
        pieces.append(reason(where, "strategy.for_everyone"))
    if strategy.expected_gain is not None:
        base = base_of(strategy.expected_gain.share_of, columns, customers)
        sources.add("_base", base, whole=True)
        pieces.append(_gain_piece(strategy, strategy.expected_gain, where))
    return together(len(customers), written(pieces, where, sources, "[", "]"))


def _gain_piece(strategy: Strategy, gain: ExpectedGain, where: Mask) -> Piece:
    code = "value_at_risk" if gain.share_of == "clv_at_risk" else f"share_of_{gain.share_of}"
    numbers = f'"rate":{strategy.rate!r},"cost":{strategy.cost_minor}'
    if (measured := strategy.measured) is not None:
        code = f"measured_{code}"
        numbers += f',"low":{measured.low!r},"high":{measured.high!r},"n":{measured.customers}'
    opening = f'{{"code":"strategy.{code}","params":{{"amount":'
    return Piece(where, (opening, f",{numbers}}}}}"), ("_base",))


def recommend(
    catalogue: Iterable[Strategy],
    columns: Columns,
    limit: int,
    circumstances: Circumstances = NOTHING_KNOWN,
) -> Recommendations:
    """The best strategies for each customer, at most `limit`, by expected gain net of cost.

    Equal gains are ordered with strategies for everyone last, then by key. What needs a consent is
    left out for who has not given it, what was done lately for who it was done with, what the
    plan has no room or money for where it brings least. Reads the columns of the rules, clv,
    churn_probability and net_spend.
    """
    ordered = tuple(sorted(catalogue, key=lambda each: (each.rule == EVERYONE, each.key)))
    if not ordered or not columns:
        nothing = np.empty(0, dtype=np.int64)
        return Recommendations(nothing, nothing, nothing, nothing, ordered, columns)
    candidates = Candidates(ordered, columns, circumstances)
    chosen = within_limits(candidates, candidates.best(), circumstances)
    customers, priorities, kept = _ranked(chosen, limit)
    return Recommendations(
        customers, priorities, chosen.strategies[kept], chosen.gains[kept], ordered, columns
    )


def _ranked(
    chosen: Chosen, limit: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.intp]]:
    """Customers and priorities, and which of the chosen they are."""
    order = _by_customer_then_gain(chosen)
    customers = chosen.customers[order]
    first = np.flatnonzero(np.diff(customers, prepend=-1))
    sizes = np.diff(first, append=len(customers))
    priorities = np.arange(len(customers)) - np.repeat(first, sizes) + 1
    kept = priorities <= limit
    return customers[kept], priorities[kept], order[kept]


def _by_customer_then_gain(chosen: Chosen) -> npt.NDArray[np.intp]:
    """The order by customer, most gain first, then by strategy: in one number where it fits."""
    if len(chosen.gains) == 0:
        return np.empty(0, dtype=np.intp)
    most = int(chosen.gains.max())
    below_bits = (most - int(chosen.gains.min())).bit_length()
    place_bits = int(chosen.strategies.max()).bit_length()
    if int(chosen.customers.max()).bit_length() + below_bits + place_bits < 63:
        key = (chosen.customers << below_bits) | (most - chosen.gains)
        return np.argsort((key << place_bits) | chosen.strategies)
    # ~x reverses the order of integers without the overflow that -x has at the lowest one.
    return np.lexsort((chosen.strategies, ~chosen.gains, chosen.customers))
