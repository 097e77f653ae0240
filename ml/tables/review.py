"""A table's model judged on rows it had not seen: numbers, a page, a card."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ml.dataset import Progress
from ml.evaluation import LEVEL, OURS, Holdout, Interval, Judgement, judge
from ml.model_card import comparison, table
from ml.plots import PLOTS, as_svg, deciles
from ml.reports.style import STYLE
from ml.reports.words import ALT, METRICS, PLOT_NOTES, verdict_on
from ml.tables.care import LabelledTable
from ml.tables.evaluation import FOLD_SEED, cross_validate

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
# What matplotlib adds for other programs; in a page it only names addresses.
_FOREIGN = re.compile(r'<metadata>.*?</metadata>|\sxmlns(:\w+)?="[^"]*"', re.DOTALL)
_LIMITS = (
    "A table says nothing of time: if its columns were filled in after the label was known, the "
    "model is worth less than it seems.",
    "It was judged on rows like those it learned from; customers of another year or market may "
    "differ.",
    "A reason is what moved the prediction, not a proven cause.",
)


@dataclass(frozen=True)
class TableReview:
    """Cross-validation against the baselines, and what the table was."""

    label: str
    positive: str
    columns: tuple[str, ...]
    fingerprint: str
    """SHA-256 of what was learned from."""
    notes: tuple[str, ...]
    case: Holdout
    judgement: Judgement
    parameters: Mapping[str, str | int | float]

    def to_document(self) -> dict[str, Any]:
        """Everything but the rows."""
        judged = self.judgement
        return {
            "model": "churn",
            "label": self.label,
            "positive": self.positive,
            "interval_level": LEVEL,
            "parameters": dict(self.parameters),
            "notes": list(self.notes),
            "pooled": {
                "rows": judged.rows,
                "mean_outcome": judged.base,
                "methods": {
                    method: {name: interval._asdict() for name, interval in metrics.items()}
                    for method, metrics in judged.methods.items()
                },
                "best_baseline": judged.rival,
                "minus_best_baseline": {
                    name: interval._asdict() for name, interval in judged.against_rival.items()
                },
                "deciles": deciles(self.case.methods[OURS], self.case.actual),
            },
        }


def review_table(
    data: LabelledTable,
    *,
    seed: int = FOLD_SEED,
    threads: int = 1,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> TableReview:
    """Judge what training on this table gives, beside the methods people use today.

    Raises:
        MLError: the table can't teach anything.
    """
    found = cross_validate(data, seed=seed, threads=threads, seconds=seconds, progress=progress)
    case = Holdout(
        origin=dt.date.min,
        customer_id=np.arange(len(data), dtype=np.int64),
        actual=found.churned.astype(np.float64),
        methods=found.probabilities,
        low=None,
        high=None,
        segments={},
    )
    return TableReview(
        label=data.label,
        positive=data.positive,
        columns=data.names,
        fingerprint=_fingerprint(data),
        notes=data.notes,
        case=case,
        judgement=judge("churn", case, exponent=0, seed=seed),
        parameters={
            "rows": len(data),
            "columns": len(data.columns),
            "folds": len(np.unique(found.fold)),
            "seed": seed,
        },
    )


def _fingerprint(data: LabelledTable) -> str:
    digest = hashlib.sha256(repr((data.label, data.positive, data.columns)).encode())
    digest.update(np.ascontiguousarray(data.values).tobytes())
    digest.update(np.ascontiguousarray(data.target).tobytes())
    return digest.hexdigest()


def card(review: TableReview, name: str) -> str:
    """The model card in Markdown."""
    judged = review.judgement
    return f"""# {name}

Predicts the probability that {review.label} is {review.positive}, from a labelled table.

## Intended use
- Meant for ranking customers by risk and for acting on those worth keeping.
- Not meant for refusing anybody a service, a price or a credit.

## Data
- {judged.rows:,} rows, {judged.base:.1%} of them {review.positive}; table `{review.fingerprint}`
- columns: {", ".join(review.columns)}
{chr(10).join(f"- {note}" for note in review.notes)}

## Cross-validation
Each row judged by a model that had not seen it, in {review.parameters["folds"]} stratified folds. \
In brackets the ends of the {LEVEL:.0%} bootstrap interval.

{comparison(judged)}

{table(deciles(review.case.methods[OURS], review.case.actual))}

## Limits
{chr(10).join(f"- {limit}" for limit in _LIMITS)}
"""


def page(review: TableReview, name: str) -> str:
    """One HTML page that needs nothing else; the same review gives the same characters."""
    judged = review.judgement
    metrics = list(judged.methods[OURS])
    methods = [
        [method, *(_interval(found.get(metric)) for metric in metrics)]
        for method, found in judged.methods.items()
    ]
    groups = deciles(review.case.methods[OURS], review.case.actual)
    figures = "".join(
        f"<figure>{_drawn(review, plot)}<figcaption>{PLOT_NOTES[plot]}</figcaption></figure>\n"
        for plot in PLOTS
    )
    rival = judged.rival or "no baseline"
    differences = [[m, _interval(each, "+")] for m, each in judged.against_rival.items()]
    body = (
        f"<h1>{escape(name)}: cross-validation</h1>\n"
        f"<p>{judged.rows:,} rows, {judged.base:.1%} of them {escape(review.positive)}; each is "
        "judged by a model that had not seen it.</p>\n"
        f'<p class="lead">{escape(verdict_on(judged))}</p>\n'
        + _section("Methods", _table(["method", *metrics], methods))
        + _section(f"Ours minus {rival}", _table(["metric", "difference"], differences))
        + _section("Lift, gain, calibration", f'<div class="plots">\n{figures}</div>\n')
        + _section("Ten groups by prediction", _table(list(groups[0]), _shown(groups)))
        + _section("How to read this", _words(metrics))
        + _section("The table", _listed([*review.notes, *_LIMITS]))
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}</title>\n<style>{STYLE}</style>\n"
        f"</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _drawn(review: TableReview, plot: str) -> str:
    drawn = _FOREIGN.sub("", as_svg(PLOTS[plot](review.case, "churn")))
    return drawn.replace("<svg", f'<svg role="img" aria-label="{escape(ALT[plot])}"', 1)


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}</section>\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>\n"
        for first, *rest in rows
    )
    return (
        f'<div class="wide">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n'
        "</table>\n</div>\n"
    )


def _shown(groups: Sequence[Mapping[str, float]]) -> list[list[str]]:
    return [[f"{value:,.6g}" for value in group.values()] for group in groups]


def _words(metrics: Sequence[str]) -> str:
    terms = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(METRICS[name])}</dd>\n"
        for name in metrics
        if name in METRICS
    )
    return f"<dl>\n{terms}</dl>\n"


def _listed(lines: Sequence[str]) -> str:
    return f"<ul>\n{''.join(f'<li>{escape(line)}</li>{chr(10)}' for line in lines)}</ul>\n"


def _interval(found: Interval | None, sign: str = "") -> str:
    if found is None:
        return ""
    value, low, high = (f"{number:{sign}.4f}" for number in found)
    return f"{value} [{low}, {high}]"
