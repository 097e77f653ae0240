"""Time and memory of fitting the buy-till-you-die models, and what collapsing and thinning save.

    python -m bench.btyd [--customers N] [--row-wise N] [--out FILE.json]

Customers are drawn from a known MBG/NBD, up to 400 days old. `days` fits whole days, where many
have equal histories; `moments` fits fractions of a day, where hardly any have; both from all
starts, on one thread. `row-wise` fits `--row-wise` customers without collapsing or thinning, and
once more with both, which gives the ratio. Each fit runs in a process of its own, so that its
memory peak is its own (drawing the customers included).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ml.btyd import Histories, PurchaseModel, Rhythm, fit_nbd, fit_pareto, fit_rhythm
from ml.btyd.histories import Rows
from ml.btyd.maximum import COARSE_ROWS

TRUTH = Rhythm(0.6, 15.0, 0.9, 2.5)
SEED = 20260101
FITS: dict[str, Callable[..., PurchaseModel]] = {
    "MBG/NBD": fit_rhythm,
    "BG/NBD": partial(fit_rhythm, kind="bg"),
    "Pareto/NBD": fit_pareto,
    "NBD": fit_nbd,
}


@dataclass(frozen=True)
class Measurement:
    model: str
    data: str
    customers: int
    rows: int
    seconds: float
    peak_mb: float
    parameters: dict[str, Any]


def draw(customers: int, *, whole_days: bool) -> Histories:
    """Lives up to the age, all customers a purchase at a time."""
    random = np.random.default_rng(SEED)
    age = random.uniform(1.0, 400.0, customers)
    rate = random.gamma(TRUTH.r, 1.0 / TRUTH.alpha, customers)
    leaves = random.beta(TRUTH.a, TRUTH.b, customers)
    repeats, last, now = (np.zeros(customers) for _ in range(3))
    here = np.flatnonzero(random.random(customers) >= leaves)
    while len(here):
        now[here] += random.exponential(1.0 / rate[here])
        here = here[now[here] <= age[here]]
        repeats[here] += 1
        last[here] = now[here]
        here = here[random.random(len(here)) >= leaves[here]]
    if whole_days:
        last, age = np.floor(last), np.floor(age)
    return Histories(repeats, last, age)


def measure(model: str, data: str, customers: int) -> Measurement:
    seen = draw(customers, whole_days=data == "days")
    coarse_rows = customers if data == "row-wise" else COARSE_ROWS
    rows = len(Rows.of(seen).counts)
    started = time.perf_counter()
    fitted = FITS[model](seen, coarse_rows=coarse_rows)
    seconds = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measurement(model, data, customers, rows, seconds, peak_mb, fitted.to_document())


def run(customers: int, row_wise: int) -> list[Measurement]:
    jobs = [(model, data, customers) for model in FITS for data in ("days", "moments")]
    jobs += [(model, data, row_wise) for model in FITS for data in ("row-wise", "days")]
    # A process would otherwise take every core for linear algebra; it reads this as it starts.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    results = []
    for job in jobs:
        with context.Pool(1) as pool:
            results.append(pool.apply(measure, job))
    return results


def show(measurements: list[Measurement]) -> None:
    table = Table("model", "data", "customers", "distinct", "seconds", "peak MB", "row-wise / this")
    slow = {
        (row.model, row.customers): row.seconds for row in measurements if row.data == "row-wise"
    }
    for row in measurements:
        whole = slow.get((row.model, row.customers))
        ratio = f"{whole / row.seconds:.1f}" if whole else ""
        table.add_row(
            row.model,
            row.data,
            f"{row.customers:,}",
            f"{row.rows:,}",
            f"{row.seconds:.1f}",
            f"{row.peak_mb:.0f}",
            ratio,
        )
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--row-wise", type=int, default=100_000)
    parser.add_argument("--out", type=Path, help="write the measurements to this file as JSON")
    arguments = parser.parse_args()
    measurements = run(arguments.customers, arguments.row_wise)
    show(measurements)
    text = json.dumps([asdict(row) for row in measurements], indent=2)
    if arguments.out:
        arguments.out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
