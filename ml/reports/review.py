"""`echelon evaluate`: back-test at several past origins, judge against every baseline, report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from ml.backtest import backtest
from ml.facts import FactStore
from ml.reports.report import Report, report_on

Progress = Callable[[str, float], None]


def review(
    store: Path,
    name: Literal["churn", "clv"],
    *,
    as_of: dt.date,
    horizon_days: int,
    origins: int = 3,
    seed: int = 0,
    threads: int,
    progress: Progress,
) -> Report:
    """Train anew at each origin on what was known by then, and judge by what came after.

    Raises:
        MLError: the facts are too few or too short for that; the message says what would do.
    """
    cases = backtest(
        store,
        name,
        as_of=as_of,
        horizon_days=horizon_days,
        origins=origins,
        seed=seed,
        threads=threads,
        progress=progress,
    )
    progress("Judging", 0.0)
    # Where history is short, the windows that could be judged are shorter than asked for.
    judged_days = max(case.horizon_days for case in cases)
    report = report_on(
        FactStore(store), name, cases, as_of=as_of, horizon_days=judged_days, seed=seed
    )
    progress("Judging", 1.0)
    return report
