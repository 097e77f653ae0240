"""A study: past origins of one business, their features, labels and habits, each computed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Self

import numpy as np

from ml.backends import Backend
from ml.btyd import Habit, fit_habit
from ml.contracts import AttributeField, day_of
from ml.dataset import (
    BATCH,
    Progress,
    Span,
    known_attributes,
    label,
    margin_shares,
    span_at,
)
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.feature_catalogue import DERIVED
from ml.features import feature_codes
from ml.labels import labels_sql
from ml.learning.origins import Origin, Plan
from ml.sample import Sample, join, sample_at
from ml.scoring import merged_attributes

LEAST_BUYERS = 20
"""Customers that an origin needs, to teach or to be foretold."""


@dataclass
class Study:
    """Everything learned of a business up to `cutoff`; nothing in it looks beyond that day."""

    backend: Backend
    fields: tuple[AttributeField, ...]
    """The attributes of the store, whenever anything was first stated of them."""
    span: Span
    cutoff: int
    threads: int
    _attributes: dict[int, tuple[AttributeField, ...]] = field(default_factory=dict)
    _bare: dict[int, Sample] = field(default_factory=dict)
    _labelled: dict[Origin, Sample] = field(default_factory=dict)
    _habits: dict[int, Habit] = field(default_factory=dict)

    @classmethod
    def open(cls, backend: Backend, facts: FactStore, cutoff: int, threads: int) -> Self:
        """Look at the facts below the cut-off.

        Raises:
            NotEnoughHistory: there are no purchases, or too few customers.
        """
        backend.open(facts)
        span = span_at(backend, cutoff)
        return cls(backend, tuple(facts.attribute_fields()), span, cutoff, threads)

    def prepare(self, origins: Iterable[Origin], tell: Progress) -> None:
        """Compute features, labels and habits of these origins, and of the cut-off itself."""
        wanted = sorted(set(origins) - set(self._labelled))
        cutoffs = sorted({origin.cutoff for origin in wanted} - set(self._bare))
        if self.cutoff not in self._bare:
            cutoffs.append(self.cutoff)
        for cutoff in cutoffs:
            self._attributes[cutoff] = known_attributes(self.backend, self.fields, cutoff)
        attributes = reduce(merged_attributes, self._attributes.values())
        for start in range(0, len(cutoffs), BATCH):
            batch = cutoffs[start : start + BATCH]
            sample = sample_at(self.backend, attributes, batch)
            for cutoff in batch:
                self._bare[cutoff] = sample.where(sample.cutoff == cutoff)
            tell("Computing features", (start + len(batch)) / (len(cutoffs) + 1))
        self._label(wanted)
        self._learn_habits(cutoffs)
        tell("Computing features", 1.0)

    def _label(self, origins: Sequence[Origin]) -> None:
        for horizon_days in {origin.horizon_days for origin in origins}:
            same = [origin for origin in origins if origin.horizon_days == horizon_days]
            # What lines without a cost earn is judged by what was known when the window closed.
            shares = margin_shares(self.backend, [each.closes_at for each in same], self.span)
            self.backend.cut([origin.cutoff for origin in same])
            labels = self.backend.query(labels_sql(horizon_days))
            for origin in same:
                span = replace(self.span, margin_share=shares[origin.closes_at])
                self._labelled[origin] = label(self._bare[origin.cutoff], labels, span)

    def _learn_habits(self, cutoffs: Sequence[int]) -> None:
        """The oldest first: the others start their search from it, and know nothing later."""
        ready = [at for at in sorted(cutoffs) if len(self._bare[at]) >= LEAST_BUYERS]
        if not ready:
            return
        shares = margin_shares(self.backend, ready, self.span)
        oldest, *others = ready
        first = fit_habit(self._bare[oldest], shares[oldest])
        self._habits[oldest] = first
        with ThreadPoolExecutor(self.threads) as pool:
            fits = pool.map(lambda at: fit_habit(self._bare[at], shares[at], first), others)
            self._habits |= dict(zip(others, fits, strict=True))

    def buyers(self, cutoff: int) -> Sample:
        """Buyers at a cut-off, without labels and without a habit's features."""
        return self._bare[cutoff]

    def habit(self, cutoff: int) -> Habit:
        """What could be known of everybody's habit.

        Raises:
            NotEnoughHistory: there were hardly any customers.
        """
        if cutoff not in self._habits:
            day = day_of(cutoff - 1, self.span.time_zone)
            raise NotEnoughHistory(
                f"Only {len(self._bare[cutoff])} customers had bought by {day}; a habit needs "
                f"{LEAST_BUYERS}. Choose a later day."
            )
        return self._habits[cutoff]

    def labelled(self, origin: Origin) -> Sample:
        """Buyers at an origin with what they did in its window, without a habit's features."""
        return self._labelled[origin]

    def attributes(self, cutoff: int) -> tuple[AttributeField, ...]:
        """Those that anything had been stated of by then."""
        return self._attributes[cutoff]

    def lesson(self, each: Plan) -> Sample:
        """A plan's teachers, extended by the habits that could be known at each of them, with the
        columns that could be known at its target: an attribute heard of later makes none."""
        parts = [self.extended(at) for at in each.teachers if at.cutoff in self._habits]
        if not parts:
            # Says of the latest of them what all of them lack.
            self.habit(each.teachers[0].cutoff)
        codes = (*feature_codes(self.attributes(each.target.cutoff)), *DERIVED)
        whole = join(parts)
        return replace(whole, codes=codes, values=whole.matrix(codes))

    def extended(self, origin: Origin) -> Sample:
        return self.habit(origin.cutoff).extend(self.labelled(origin), origin.horizon_days)

    @property
    def spends(self) -> bool:
        """Whether anybody's purchases had an amount."""
        net = self.buyers(self.cutoff).column("net_spend")
        return bool(np.any(net > 0))
