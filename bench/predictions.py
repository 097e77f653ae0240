"""Ours against every baseline on public data, and against the best methods measured elsewhere.

    python -m bench.predictions DATA_DIR [--only NAME ...] [--out FILE.md]

DATA_DIR holds cdnow_master.txt, online_retail_ii_until_2011-06-12.parquet, telco_ibm.csv and
mlc_churn.csv; docs/predictions.md says where they come from. The grocery year is the demo's.

Logs: everything is learned from what lies before a cut; churn is no purchase in the window after
it, value is what was spent there as logged, and customers are all who bought by the cut. Tables:
mean of StratifiedKFold(5, shuffle=True, random_state=20260101), sensitive columns included.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from bench.datasets import LOGS, TABLES, LogCase, TableCase, read_log, read_rows
from ml.calibration import expected_calibration_error, log_loss, log_odds
from ml.contracts import DAY, cutoff_of
from ml.evaluation import auc, normalised_gini
from ml.forecast import Lesson, learn
from ml.learning.baselines import churn_baselines, newest, value_baselines
from ml.logs.purchase_log import PurchaseLog
from ml.logs.store import write_log_store
from ml.sample import Floats
from ml.tables import read_table
from ml.tables.evaluation import cross_validate

OURS = "**echelon**"
Row = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    parts = []
    jobs: list[tuple[str, Callable[[], list[Row]]]] = [
        (case.name, lambda case=case: judge_log(case, chosen.data, chosen.threads)) for case in LOGS
    ]
    jobs += [
        (case.name, lambda case=case: judge_table(case, chosen.data, chosen.threads))
        for case in TABLES
    ]
    for name, job in jobs:
        if chosen.only and not any(word in name for word in chosen.only):
            continue
        started = time.perf_counter()
        rows = job()
        text = f"### {name}\n\n{markdown(rows)}\n"
        print(f"{text}\n{time.perf_counter() - started:.0f} s\n", flush=True)
        parts.append(text)
    if chosen.out:
        chosen.out.write_text("\n".join(parts))


def judge_log(case: LogCase, data: Path, threads: int) -> list[Row]:
    log = read_log(case, data)
    known = log.known_at(case.as_of)
    with tempfile.TemporaryDirectory() as folder:
        write_log_store(known, Path(folder) / "facts")
        lesson = learn(
            Path(folder) / "facts",
            as_of=case.as_of,
            horizon_days=case.horizon_days,
            threads=threads,
        )
    return compare(case, lesson, known.exponent, *outcome(case, log, known, lesson))


def outcome(
    case: LogCase, log: PurchaseLog, known: PurchaseLog, lesson: Lesson
) -> tuple[Floats, Floats]:
    """Churn and value of the buyers, straight from the log's rows."""
    start = cutoff_of(case.as_of, "UTC")
    inside = (log.moment >= start) & (log.moment < start + case.horizon_days * DAY)
    amount = np.zeros(len(log)) if log.amount_minor is None else log.amount_minor / 10**log.exponent
    places = {text: place for place, text in enumerate(log.customers.to_pylist())}
    size = len(places)
    bought = np.bincount(log.customer[inside & log.bought], minlength=size)
    spent = np.bincount(log.customer[inside], weights=amount[inside], minlength=size)
    texts = known.customers.to_pylist()
    rows = [places[texts[number - 1]] for number in lesson.buyers.customer_id]
    return (bought[rows] == 0).astype(np.float64), np.maximum(spent[rows], 0.0)


def compare(
    case: LogCase, lesson: Lesson, exponent: int, churned: Floats, value: Floats
) -> list[Row]:
    judged = lesson.churn.habit.extend(lesson.buyers, case.horizon_days)
    teachers = newest(lesson.study.lesson(lesson.plan))
    unit = 10.0**exponent
    found = {OURS: lesson.churn.predict(judged)} | churn_baselines(teachers, judged)
    money: dict[str, Floats] = {}
    ends = ""
    if lesson.value:
        low, expected, high = (part / unit for part in lesson.value.undiscounted(judged))
        rivals = value_baselines(teachers, judged, 1.0)
        money = {OURS: expected} | {name: each / unit for name, each in rivals.items()}
        within = np.mean(value[high > 0] <= high[high > 0])
        below = f"{np.mean(value[low > 0] < low[low > 0]):.1%}" if (low > 0).any() else "none"
        ends = f"{within:.1%} / {below}"
    rows = [
        _log_row(name, found, money, churned, value) for name in dict.fromkeys([*found, *money])
    ]
    rows[0]["within high / below low"] = ends
    return [*rows, dict(case.anchor)]


def _log_row(
    name: str,
    found: Mapping[str, Floats],
    money: Mapping[str, Floats],
    churned: Floats,
    value: Floats,
) -> Row:
    row = {"method": name}
    if name in found:
        row |= _probabilities(found[name], churned)
    if name in money:
        expected = money[name]
        row |= {
            "Gini": f"{normalised_gini(expected, value):.4f}",
            "RMSE": f"{np.sqrt(np.mean((expected - value) ** 2)):.2f}",
            "MAE": f"{np.mean(np.abs(expected - value)):.2f}",
            "total": f"{expected.sum() / value.sum():.2f}",
        }
    return row


def _probabilities(probability: Floats, churned: Floats) -> Row:
    return {
        "AUC": f"{auc(probability, churned.astype(np.bool_)):.4f}",
        "log-loss": f"{log_loss(log_odds(probability), churned):.4f}",
        "ECE": f"{expected_calibration_error(probability, churned):.4f}",
    }


def judge_table(case: TableCase, data: Path, threads: int) -> list[Row]:
    rows = read_table(
        read_rows(data / case.file), label=case.label, positive=case.positive, allow_sensitive=True
    )
    judged = cross_validate(rows, threads=threads)
    found = [
        {
            "method": OURS if name == "echelon" else name,
            "AUC": f"{metrics['auc']:.4f}",
            "log-loss": f"{metrics['log_loss']:.4f}",
            "ECE": f"{metrics['ece']:.4f}",
        }
        for name, metrics in judged.metrics.items()
    ]
    return [*found, dict(case.anchor)]


def markdown(rows: Iterable[Row]) -> str:
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(row.get(name, '') for name in names)} |" for row in listed]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
