"""How likely a customer buys a product within the horizon: learned on the month before.

Two logistic regressions share one scale, so that what is due again and what would be new compete
fairly: one for products bought before, from their own cycle, and one for the others, from what
goes together and what is popular.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from ml.mining.affinity import Affinity
from ml.mining.baskets import Baskets, Ints
from ml.sample import Floats

MIN_PURCHASES = 50
"""With fewer purchases of a kind after the earlier cut-off there is nothing to learn from."""
NEAREST = 80
POPULAR = 40
"""New products looked at for each customer: the nearest ones and the most popular ones."""


@dataclass(frozen=True)
class Candidates:
    """Products that some customers might be offered. `pair` is -1 for those never bought."""

    row: Ints
    column: Ints
    pair: Ints
    affinity: Floats

    def where(self, mask: npt.NDArray[np.bool_] | Ints) -> Candidates:
        return Candidates(self.row[mask], self.column[mask], self.pair[mask], self.affinity[mask])


@dataclass(frozen=True)
class Logistic:
    """probability = expit(features @ weights + intercept)."""

    weights: Floats
    intercept: float

    def predict(self, features: Floats) -> Floats:
        return np.asarray(expit(features @ self.weights + self.intercept), np.float64)


@dataclass(frozen=True)
class Ranker:
    """The two regressions; None where there was too little to learn from."""

    again: Logistic | None
    new: Logistic | None

    def scores(self, view: View, found: Candidates) -> Floats:
        """Probabilities of a purchase; without a regression, an order that makes sense.

        That order is own purchases, most often bought first, then what goes with them.
        """
        scores = np.empty(len(found.row))
        bought = found.pair >= 0
        again, new = found.where(bought), found.where(~bought)
        if self.again:
            scores[bought] = self.again.predict(view.again(again))
        else:
            visits = view.baskets.visits[again.pair]
            scores[bought] = 0.5 + 0.5 * visits / (visits + 2.0)
        if self.new:
            scores[~bought] = self.new.predict(view.new(new))
        else:
            known = np.maximum(new.affinity, 0.0) + 0.01 * view.popularity[new.column]
            scores[~bought] = 0.5 * known / (known + 1.0)
        return scores


class View:
    """Baskets with the numbers per customer and product that the regressions read."""

    def __init__(self, baskets: Baskets, affinity: Affinity) -> None:
        self.baskets, self.affinity = baskets, affinity
        self.bought = baskets.matrix(affinity.columns, fading=True)
        self.place = np.full(len(baskets.products), -1, np.int64)
        self.place[affinity.columns] = np.arange(len(affinity.columns))
        ones = np.ones(len(baskets.row))
        self.cycle = baskets.cycle()
        self.buyers_28 = baskets.of_products((baskets.visits_28 > 0).astype(np.float64))
        active = baskets.of_customers(baskets.visits_28) > 0
        self.popularity = self.buyers_28 / max(int(active.sum()), 1)
        """The share of the last 28 days' buyers who bought each product."""
        repeaters = baskets.of_products((baskets.visits > 1).astype(np.float64))
        self._repeat_share = repeaters / (baskets.of_products(ones) + 5.0)
        self._pace = np.log1p(
            np.column_stack(
                [baskets.of_customers(weight) for weight in (baskets.visits_28, baskets.visits_84)]
            )
        )
        silence = np.full(len(baskets.customers), np.inf)
        np.minimum.at(silence, baskets.row, baskets.last_days)
        self._silence = np.log1p(silence)
        self._visits = baskets.of_customers(baskets.visits)
        self._kinds = int(baskets.department.max()) + 1
        by_kind = baskets.row * self._kinds + baskets.department[baskets.column]
        self._taste = np.bincount(by_kind, baskets.visits_84, len(self._visits) * self._kinds)

    def candidates(self, start: int, stop: int) -> Candidates:
        """What the customers from `start` up to `stop` bought, and what might suit them."""
        baskets, known = self.baskets, self.affinity.columns
        first, last = np.searchsorted(baskets.row, [start, stop])
        bought = self.bought[start:stop]
        scores = self.affinity.scores(bought)
        own_row, own_column = baskets.row[first:last], baskets.column[first:last]
        own_place = self.place[own_column]
        own = np.where(own_place >= 0, scores[own_row - start, own_place], 0.0)
        open_scores = scores.copy()
        open_scores[bought.nonzero()] = -np.inf
        row, found = _nearest(open_scores)
        return Candidates(
            np.concatenate([own_row, row + start]),
            np.concatenate([own_column, known[found]]),
            np.concatenate([np.arange(first, last), np.full(len(row), -1)]),
            np.concatenate([own, scores[row, found]]).astype(np.float64),
        )

    def again(self, found: Candidates) -> Floats:
        baskets, pair = self.baskets, found.pair
        visits, last = baskets.visits[pair], baskets.last_days[pair]
        cycle = self.cycle[pair]
        return np.column_stack(
            [
                np.log1p(visits),
                np.log1p(baskets.visits_28[pair]),
                np.log1p(baskets.visits_84[pair]),
                np.log1p(last),
                np.log((last + 1.0) / (cycle + 1.0)),
                np.log1p(cycle),
                np.log1p(baskets.first_days[pair]),
                np.log1p(visits) / np.log1p(self._visits[found.row]),
                self._repeat_share[found.column],
                *self._shared(found),
            ]
        )

    def new(self, found: Candidates) -> Floats:
        return np.column_stack([np.log1p(self._visits[found.row]), *self._shared(found)])

    def _shared(self, found: Candidates) -> list[Floats]:
        taste = self._taste[found.row * self._kinds + self.baskets.department[found.column]]
        return [
            found.affinity,
            np.log1p(np.maximum(found.affinity, 0.0) * 100.0),
            np.log1p(self.buyers_28[found.column]),
            self._pace[found.row, 0],
            self._pace[found.row, 1],
            self._silence[found.row],
            np.log1p(taste),
        ]


def _nearest(scores: npt.NDArray[np.float32]) -> tuple[Ints, Ints]:
    """Rows and places of the highest and of the first (most popular) scores that are finite."""
    wide = scores.shape[1]
    nearest = np.argpartition(-scores, min(NEAREST, wide) - 1, axis=1)[:, :NEAREST]
    free = np.isfinite(scores)
    popular = free & (np.cumsum(free, axis=1) <= POPULAR)
    wanted = popular.copy()
    np.put_along_axis(wanted, nearest, True, axis=1)
    row, place = np.nonzero(wanted & free)
    return row, place


def learn(view: View, found: Candidates, bought: npt.NDArray[np.bool_]) -> Ranker:
    """Fit both regressions to what was bought of these candidates afterwards."""
    again = found.pair >= 0
    return Ranker(
        _logistic(view.again(found.where(again)), bought[again]),
        _logistic(view.new(found.where(~again)), bought[~again]),
    )


def _logistic(features: Floats, bought: npt.NDArray[np.bool_]) -> Logistic | None:
    if bought.sum() < MIN_PURCHASES or (~bought).sum() < MIN_PURCHASES:
        return None
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale == 0.0] = 1.0
    model = LogisticRegression(solver="newton-cholesky", C=1.0, max_iter=100)
    model.fit((features - mean) / scale, bought)
    weights = model.coef_[0] / scale
    return Logistic(weights, float(model.intercept_[0] - mean @ weights))
