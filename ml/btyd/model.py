"""What every model of purchase timing answers, and the simplest one: nobody ever leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

from ml.btyd.histories import Histories, Rows
from ml.btyd.maximum import COARSE_ROWS, PRIOR, find_maximum, penalised
from ml.sample import Floats

FORESEEABLE_DAYS = 3650.0
"""A purchase later than this counts as none where a time to the next one is asked for: without a
bound the mean time of a rare buyer is infinite."""

Document = dict[str, float | str]


class PurchaseModel(Protocol):
    """A fitted model: whatever it assumes, callers ask the same questions.

    Everything is an array with a number for each customer; days count from the cut-off, which is
    where `Histories.age` ends.
    """

    @property
    def kind(self) -> str: ...

    def to_document(self) -> Document: ...

    def alive(self, seen: Histories) -> Floats:
        """The probability that a customer has not left for good."""
        ...

    def rate(self, seen: Histories) -> Floats:
        """Expected purchase days a day while not gone."""
        ...

    def days_if_here(
        self, seen: Histories, horizon_days: float, *, faster: float = 1.0, longer: float = 1.0
    ) -> Floats:
        """Expected purchase days within the horizon of who has not left, were the rate from now on
        `faster` times as high and the time till departure `longer` times as long."""
        ...

    def back(self, seen: Histories, within_days: float) -> Floats:
        """The probability that who has not left buys within so many days."""
        ...

    def wait(self, seen: Histories, share: Floats | float, within_days: float) -> Floats:
        """Days by which `share` (0 to 1) of those have bought who, not gone yet, buy within
        `within_days` at all."""
        ...

    def absence(self, seen: Histories, horizon_days: float) -> Floats:
        """The probability of no purchase within the horizon: gone already, or alive and quiet."""
        return 1.0 - self.alive(seen) * self.back(seen, horizon_days)

    def expected_days(self, seen: Histories, horizon_days: float) -> Floats:
        """Expected number of purchase days within the horizon."""
        return self.alive(seen) * self.days_if_here(seen, horizon_days)

    def days_to_next(self, seen: Histories) -> Floats:
        """Days until the next purchase is as likely as not; infinite for who has probably left,
        or would take longer than `FORESEEABLE_DAYS`."""
        chance = 1.0 - self.absence(seen, FORESEEABLE_DAYS)
        likely = chance > 0.5
        share = 0.5 / np.where(likely, chance, 1.0)
        return np.where(likely, self.wait(seen, share, FORESEEABLE_DAYS), np.inf)


@dataclass(frozen=True)
class NextPurchase:
    """When customers come next, given that they do within `FORESEEABLE_DAYS`, counted from the
    cut-off: earlier than `days` as often as later, in 8 of 10 cases between `early` and `late`."""

    chance: Floats
    """The probability that they do."""
    days: Floats
    early: Floats
    late: Floats
    overdue: npt.NDArray[np.bool_]
    """Silent for longer than 9 of 10 of their own gaps would be."""


def next_purchase(
    model: PurchaseModel, seen: Histories, window: tuple[float, float] = (0.1, 0.9)
) -> NextPurchase:
    """Expected next purchase, with the window between two quantiles of the time to it."""
    at_last = Histories(seen.repeats, seen.last, seen.last)
    early, middle, late = (
        model.wait(seen, share, FORESEEABLE_DAYS) for share in (window[0], 0.5, window[1])
    )
    return NextPurchase(
        chance=1.0 - model.absence(seen, FORESEEABLE_DAYS),
        days=middle,
        early=early,
        late=late,
        overdue=seen.age - seen.last > model.wait(at_last, 0.9, FORESEEABLE_DAYS),
    )


def returned(shape: Floats, scale: Floats, days: Floats | float) -> Floats:
    """The probability of a purchase within `days` of who buys at a rate ~ gamma(shape, scale):
    the time to it is Lomax distributed."""
    return np.asarray(-np.expm1(-shape * np.log1p(days / scale)), np.float64)


def return_days(shape: Floats, scale: Floats, chance: Floats) -> Floats:
    """Days within which a purchase has this chance: the inverse of `returned`."""
    quiet = np.log1p(-np.minimum(chance, 1.0 - 1e-15))
    return np.asarray(scale * np.expm1(-quiet / shape), np.float64)


@dataclass(frozen=True)
class Nbd(PurchaseModel):
    """Poisson purchases at a rate ~ gamma(r, alpha per day) for ever (Ehrenberg 1959).

    It sees no departures, so it overrates who has been silent for long: a last resort.
    """

    r: float
    alpha: float
    kind: Literal["nbd"] = "nbd"

    def to_document(self) -> Document:
        return dict(vars(self))

    @classmethod
    def from_document(cls, document: Mapping[str, float | str]) -> Self:
        return cls(float(document["r"]), float(document["alpha"]))

    def alive(self, seen: Histories) -> Floats:
        return np.ones(len(seen))

    def rate(self, seen: Histories) -> Floats:
        return (self.r + seen.repeats) / (self.alpha + seen.age)

    def days_if_here(
        self, seen: Histories, horizon_days: float, *, faster: float = 1.0, longer: float = 1.0
    ) -> Floats:
        """`longer` changes nothing: nobody leaves."""
        del longer
        return self.rate(seen) * faster * horizon_days

    def back(self, seen: Histories, within_days: float) -> Floats:
        return returned(self.r + seen.repeats, self.alpha + seen.age, within_days)

    def wait(self, seen: Histories, share: Floats | float, within_days: float) -> Floats:
        shape, scale = self.r + seen.repeats, self.alpha + seen.age
        return return_days(shape, scale, share * returned(shape, scale, within_days))


def fit_nbd(
    seen: Histories,
    *,
    prior: float = PRIOR,
    coarse_rows: int = COARSE_ROWS,
) -> Nbd:
    """Maximum likelihood.

    Raises:
        FitFailed: there is nobody to learn from, or no start converged.
    """
    rows = Rows.of(seen)
    few = rows.thinned(coarse_rows)

    def loss(logs: Floats) -> tuple[float, Floats]:
        return _loss(logs, rows, prior)

    def coarse(logs: Floats) -> tuple[float, Floats]:
        return _loss(logs, few, prior)

    r, alpha = np.exp(find_maximum("NBD", ((1.0, 1.0), (0.2, 5.0)), coarse, loss))
    return Nbd(float(r), float(alpha * rows.unit))


def _loss(logs: Floats, rows: Rows, prior: float) -> tuple[float, Floats]:
    r, alpha = np.exp(logs)
    total, levels, counts = rows.customers, rows.levels, rows.level_counts
    x, span = rows.seen.repeats, np.log(alpha + rows.seen.age)
    value = counts @ (gammaln(r + levels) - gammaln(r)) - rows.counts @ ((r + x) * span)
    slopes = np.array(
        [
            counts @ (digamma(r + levels) - digamma(r)) - rows.counts @ span
            + total * np.log(alpha),
            total * r / alpha - rows.counts @ ((r + x) / (alpha + rows.seen.age)),
        ]
    )  # fmt: skip
    value += total * r * np.log(alpha)
    return penalised(-float(value) / total, -slopes / total * np.exp(logs), logs, prior / total)
