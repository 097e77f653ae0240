"""Customers' lives drawn from a known model, and the CDNOW sample: what the models must explain."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.btyd import Histories, Pareto, Rhythm
from ml.sample import Floats

RHYTHMS = (
    Rhythm(0.8, 12.0, 0.9, 2.5, "mbg"),
    Rhythm(0.6, 9.0, 0.7, 2.0, "bg"),
)
PARETO = Pareto(0.9, 14.0, 0.8, 60.0)
TRUTHS = (*RHYTHMS, PARETO)


@dataclass(frozen=True)
class Lives:
    """`seen` up to the age; then `later` purchases in the horizon, and days to the next one
    (infinite where there is none in `AHEAD` days); still a `customer` at the age."""

    seen: Histories
    later: Floats
    to_next: Floats
    customer: npt.NDArray[np.bool_]


AHEAD = 1000.0


def live(
    truth: Rhythm | Pareto,
    customers: int,
    seed: int,
    horizon_days: float,
    age: Floats | None = None,
) -> Lives:
    """Draw lives purchase by purchase, the way the models tell it."""
    random = np.random.default_rng(seed)
    age = random.uniform(60, 365, customers) if age is None else age
    rate = random.gamma(truth.r, 1 / truth.alpha, customers)
    if isinstance(truth, Pareto):
        leaves = np.zeros(customers)
        end = random.exponential(1 / random.gamma(truth.s, 1 / truth.beta, customers))
        here = np.ones(customers, bool)
    else:
        leaves = random.beta(truth.a, truth.b, customers)
        end = np.full(customers, np.inf)
        here = random.random(customers) >= (leaves if truth.kind == "mbg" else 0.0)
    repeats, last, later, now = (np.zeros(customers) for _ in range(4))
    to_next = np.full(customers, np.inf)
    customer = here & (end > age)
    while here.any():
        now[here] += random.exponential(1 / rate[here])
        here &= (now <= age + AHEAD) & (now <= end)
        before, after = here & (now <= age), here & (now > age)
        repeats[before] += 1
        last[before] = now[before]
        later[after & (now <= age + horizon_days)] += 1
        to_next[after] = np.minimum(to_next[after], (now - age)[after])
        here &= random.random(customers) >= leaves
        customer[before] &= here[before]
    return Lives(Histories(repeats, last, age), later, to_next, customer)


def cdnow_sample() -> tuple[Histories, Floats]:
    """The 2,357 customers of the published 1/10 sample at the end of September 1997, in weeks, and
    the mean dollars of their repeat purchase days (0 without any)."""
    files = importlib.metadata.files("lifetimes") or []
    text = next(file for file in files if file.name == "CDNOW_sample.txt").read_text()
    customers: dict[str, dict[dt.date, float]] = {}
    end = dt.date(1997, 9, 30)
    for line in text.splitlines():
        _, customer, day, _, dollars = line.split()
        date = dt.datetime.strptime(day, "%Y%m%d").replace(tzinfo=dt.UTC).date()
        if date <= end:
            days = customers.setdefault(customer, {})
            days[date] = days.get(date, 0.0) + float(dollars)
    rows = []
    for days in customers.values():
        first, *others = sorted(days)
        spent = [days[day] for day in others]
        last = others[-1] if others else first
        mean = sum(spent) / len(spent) if spent else 0.0
        rows.append((len(others), (last - first).days / 7, (end - first).days / 7, mean))
    table = np.array(rows, np.float64)
    return Histories(table[:, 0], table[:, 1], table[:, 2]), table[:, 3]
