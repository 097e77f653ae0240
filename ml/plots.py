"""Pictures of a back-test, drawn without a display: PNG files, or SVG for a page."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml.calibration import reliability
from ml.evaluation import OURS, Case, Evaluation
from ml.sample import Floats

_SIZE = (6.0, 4.0)
_POINTS = 200
# Told apart by people who see no red or no green (Okabe and Ito), and by their lines in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73")
_LINES = ("-", "--", "-.")
_GREY = "#595959"


def gain_curve(case: Case, what: str) -> Figure:
    """The share of the outcome found in the top share of customers by prediction."""
    figure, axes = _axes(f"{what}: share found when asking the highest first")
    total = max(float(case.actual.sum()), 1e-12)
    for place, (label, key) in enumerate(_keys(case).items()):
        order = np.argsort(-key, kind="stable")
        found = np.concatenate([[0.0], np.cumsum(case.actual[order]) / total])
        _line(axes, place, label, np.linspace(0.0, 1.0, len(found)), found)
    axes.plot([0, 1], [0, 1], linestyle=":", color=_GREY, label="chance")
    return _labelled(figure, axes, "share of customers asked", "share of outcome found")


def lift_curve(case: Case, what: str) -> Figure:
    """How many times the average the outcome is among the top share of customers."""
    figure, axes = _axes(f"{what}: times the average among the highest")
    mean = float(case.actual.mean()) or 1.0
    # The first few customers are too few for a mean that is worth drawing.
    start = max(1, len(case.actual) // 50)
    for place, (label, key) in enumerate(_keys(case).items()):
        order = np.argsort(-key, kind="stable")
        counts = np.arange(1, len(order) + 1)
        lifts = np.cumsum(case.actual[order]) / counts / mean
        _line(axes, place, label, (counts / len(order))[start - 1 :], lifts[start - 1 :])
    axes.axhline(1.0, linestyle=":", color=_GREY, label="chance")
    return _labelled(figure, axes, "share of customers asked", "lift")


def calibration_plot(case: Case, what: str) -> Figure:
    """Predicted against seen, in ten groups of equal size."""
    figure, axes = _axes(f"{what}: predicted and seen")
    bins = reliability(case.methods[OURS], case.actual)
    said, seen = [row[0] for row in bins], [row[1] for row in bins]
    edge = max(*said, *seen)
    axes.plot([0, edge], [0, edge], linestyle=":", color=_GREY, label="exact")
    axes.plot(said, seen, marker="o", color=_COLOURS[0], label="model")
    return _labelled(figure, axes, "mean prediction", "mean outcome")


def decile_bars(case: Case, what: str) -> Figure:
    """Ten groups of customers, the highest predictions first: what was said, what was seen."""
    figure, axes = _axes(f"{what}: ten groups, the highest predictions first")
    rows = deciles(case.methods[OURS], case.actual)
    places = np.array([row["decile"] for row in rows])
    for offset, column, colour in ((-0.2, "predicted", _COLOURS[0]), (0.2, "actual", _COLOURS[1])):
        axes.bar(places + offset, [row[column] for row in rows], 0.4, color=colour, label=column)
    axes.set_xticks(places)
    return _labelled(figure, axes, "decile", "mean")


PLOTS: Mapping[str, Callable[[Case, str], Figure]] = {
    "gain": gain_curve,
    "lift": lift_curve,
    "calibration": calibration_plot,
    "deciles": decile_bars,
}


def deciles(predicted: Floats, actual: Floats) -> list[dict[str, float]]:
    """Ten groups of customers, the highest predictions first."""
    mean = float(actual.mean()) or 1.0
    return [
        {
            "decile": place,
            "customers": size,
            "predicted": round(said, 6),
            "actual": round(seen, 6),
            "lift": round(seen / mean, 4),
        }
        for place, (said, seen, size) in enumerate(
            reversed(reliability(predicted, actual)), start=1
        )
    ]


def decile_table(evaluation: Evaluation) -> list[dict[str, float]]:
    return deciles(evaluation.predicted, evaluation.actual)


def save_plots(evaluation: Evaluation, what: str, folder: Path) -> list[Path]:
    """Every plot as a PNG file."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for name, draw in PLOTS.items():
        path = folder / f"{name}.png"
        draw(evaluation.case, what).savefig(path, dpi=100, metadata={"Software": None})
        saved.append(path)
    return saved


def as_svg(figure: Figure) -> str:
    """The element alone, its texts as text; the same figure gives the same characters."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "echelon"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _keys(case: Case) -> dict[str, Floats]:
    return {"model": case.methods[OURS], "perfect": case.actual}


def _line(axes: Axes, place: int, label: str, x: Floats, y: Floats) -> None:
    """A curve thinned to what the eye can tell apart."""
    some = np.unique(np.linspace(0, len(x) - 1, _POINTS).astype(np.int64))
    axes.plot(x[some], y[some], label=label, color=_COLOURS[place], linestyle=_LINES[place])


def _labelled(figure: Figure, axes: Axes, x: str, y: str) -> Figure:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend()
    return figure


def _axes(title: str) -> tuple[Figure, Axes]:
    """A figure of its own canvas: no global state, and Agg as there is no window."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes
