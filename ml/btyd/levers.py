"""The four levers of customer value: buy more often, spend more, stay longer, don't leave now.

    expected value = rate * amount * (1 - gone) * days_if_here

for every customer and every model of purchase timing: `rate` is how often a day somebody buys while
a customer, `amount` what a purchase day is worth, `gone` the probability of having left for good,
`days_if_here` the days as a customer, within the horizon, of who has not left. In Pareto/NBD these
are literally expected days, as departure has nothing to do with the rate. In BG/NBD and MBG/NBD
people leave at purchases, so frequent buyers leave sooner: the days are weighed by the rate, and
more purchases shorten them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml.btyd.histories import Histories
from ml.btyd.model import PurchaseModel
from ml.sample import Floats

YEAR_DAYS = 365.0


@dataclass(frozen=True)
class Gains:
    """What pulling one lever adds to each customer's expected value, in money."""

    frequency: Floats
    amount: Floats
    lifetime: Floats
    churn: Floats


@dataclass(frozen=True)
class Levers:
    """Expected value within a horizon, taken apart; an array of customers each."""

    rate_per_year: Floats
    """Expected purchase days a year while a customer."""
    amount: Floats
    """Expected money on a purchase day."""
    days_if_here: Floats
    """Days as a customer within the horizon, of who has not left yet."""
    gone: Floats
    """The probability of having left for good."""
    gains: Gains

    @property
    def active_days(self) -> Floats:
        """Expected days as a customer within the horizon."""
        return (1.0 - self.gone) * self.days_if_here

    @property
    def value(self) -> Floats:
        """Expected money within the horizon."""
        return self.rate_per_year / YEAR_DAYS * self.amount * self.active_days


def levers(
    model: PurchaseModel,
    amount: Floats,
    seen: Histories,
    horizon_days: float,
    change: float = 0.1,
) -> Levers:
    """Take expected value apart, and recompute it with each lever moved by the share `change`.

    Frequency: everyone buys that much more often from now on. Amount: spends that much more each
    time. Lifetime: who is still here stays that much longer on average, within a horizon that ends
    as before. Churn: that share of those who have left were kept.
    """
    alive, rate = model.alive(seen), model.rate(seen)
    purchases = model.days_if_here(seen, horizon_days)
    more = 1.0 + change
    often = model.days_if_here(seen, horizon_days, faster=more)
    longer = model.days_if_here(seen, horizon_days, longer=more)
    return Levers(
        rate_per_year=rate * YEAR_DAYS,
        amount=amount,
        days_if_here=purchases / rate,
        gone=1.0 - alive,
        gains=Gains(
            frequency=alive * (often - purchases) * amount,
            amount=alive * purchases * amount * change,
            lifetime=alive * (longer - purchases) * amount,
            churn=(1.0 - alive) * change * purchases * amount,
        ),
    )
