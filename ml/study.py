"""A study: past origins of one business, their features, labels and habits, each computed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from ml.backends import Backend
from ml.btyd import Habit, fit_habit
from ml.contracts import AttributeField
from ml.dataset import (
    BATCH,
    Progress,
    Span,
    known_attributes,
    label,
    margin_shares,
    span_at,
)
from ml.facts import FactStore
from ml.labels import labels_sql
from ml.origins import Origin
from ml.sample import Sample, join, sample_at


@dataclass
class Study:
    """Everything learned of a business up to `cutoff`; nothing in it looks beyond that day."""

    backend: Backend
    attributes: tuple[AttributeField, ...]
    span: Span
    cutoff: int
    threads: int
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
        attributes = known_attributes(backend, facts.attribute_fields(), cutoff)
        return cls(backend, attributes, span, cutoff, threads)

    def prepare(self, origins: Iterable[Origin], tell: Progress) -> None:
        """Compute features, labels and habits of these origins, and of the cut-off itself."""
        wanted = sorted(set(origins) - set(self._labelled))
        cutoffs = sorted({origin.cutoff for origin in wanted} - set(self._bare))
        if self.cutoff not in self._bare:
            cutoffs.append(self.cutoff)
        for start in range(0, len(cutoffs), BATCH):
            batch = cutoffs[start : start + BATCH]
            sample = sample_at(self.backend, self.attributes, batch)
            for cutoff in batch:
                self._bare[cutoff] = sample.where(sample.cutoff == cutoff)
            tell("Computing features", (start + len(batch)) / (len(cutoffs) + 1))
        self._label(wanted)
        self._learn_habits(cutoffs)
        tell("Computing features", 1.0)

    def _label(self, origins: Sequence[Origin]) -> None:
        for horizon_days in {origin.horizon_days for origin in origins}:
            same = [origin for origin in origins if origin.horizon_days == horizon_days]
            self.backend.cut([origin.cutoff for origin in same])
            labels = self.backend.query(labels_sql(horizon_days))
            for origin in same:
                self._labelled[origin] = label(self._bare[origin.cutoff], labels, self.span)

    def _learn_habits(self, cutoffs: Sequence[int]) -> None:
        """The oldest first: the others start their search from it, and know nothing later."""
        shares = margin_shares(self.backend, cutoffs, self.span)
        oldest, *others = sorted(cutoff for cutoff in cutoffs if len(self._bare[cutoff]))
        first = fit_habit(self._bare[oldest], shares[oldest])
        self._habits[oldest] = first
        with ThreadPoolExecutor(self.threads) as pool:
            fits = pool.map(lambda at: fit_habit(self._bare[at], shares[at], first), others)
            self._habits |= dict(zip(others, fits, strict=True))

    def buyers(self, cutoff: int) -> Sample:
        """Buyers at a cut-off, without labels and without a habit's features."""
        return self._bare[cutoff]

    def habit(self, cutoff: int) -> Habit:
        return self._habits[cutoff]

    def labelled(self, origin: Origin) -> Sample:
        """Buyers at an origin with what they did in its window, without a habit's features."""
        return self._labelled[origin]

    def lesson(self, origins: Iterable[Origin]) -> Sample:
        """Origins to learn from, each extended by the habit that could be known at it."""
        return join([self.extended(origin) for origin in origins if len(self.labelled(origin))])

    def extended(self, origin: Origin) -> Sample:
        return self.habit(origin.cutoff).extend(self.labelled(origin), origin.horizon_days)

    @property
    def spends(self) -> bool:
        """Whether anybody's purchases had an amount."""
        net = self.buyers(self.cutoff).column("net_spend")
        return bool(np.any(net > 0))
