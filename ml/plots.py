"""Pictures of a back-test, drawn without a display."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml.calibration import reliability
from ml.evaluation import Evaluation

_SIZE = (6.0, 4.0)


def lift_curve(evaluation: Evaluation, what: str) -> Figure:
    """The share of the outcome found in the top share of customers by prediction."""
    figure, axes = _axes(f"{what}: share found when asking the highest first")
    total = max(float(evaluation.actual.sum()), 1e-12)
    for label, key in (("model", evaluation.predicted), ("perfect", evaluation.actual)):
        order = np.argsort(-key, kind="stable")
        found = np.concatenate([[0.0], np.cumsum(evaluation.actual[order]) / total])
        axes.plot(np.linspace(0.0, 1.0, len(found)), found, label=label)
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey", label="chance")
    axes.set_xlabel("share of customers")
    axes.set_ylabel("share of outcome")
    axes.legend()
    return figure


def calibration_plot(evaluation: Evaluation, what: str) -> Figure:
    """Predicted against seen, in ten groups of equal size."""
    figure, axes = _axes(f"{what}: predicted and seen")
    bins = reliability(evaluation.predicted, evaluation.actual)
    said, seen = [row[0] for row in bins], [row[1] for row in bins]
    edge = max(*said, *seen)
    axes.plot([0, edge], [0, edge], linestyle=":", color="grey", label="exact")
    axes.plot(said, seen, marker="o", label="model")
    axes.set_xlabel("mean prediction")
    axes.set_ylabel("mean outcome")
    axes.legend()
    return figure


def decile_table(evaluation: Evaluation) -> list[dict[str, float]]:
    """Ten groups of customers, the highest predictions first."""
    mean = float(evaluation.actual.mean()) or 1.0
    return [
        {
            "decile": place,
            "customers": size,
            "predicted": round(said, 6),
            "actual": round(seen, 6),
            "lift": round(seen / mean, 4),
        }
        for place, (said, seen, size) in enumerate(
            reversed(reliability(evaluation.predicted, evaluation.actual)), start=1
        )
    ]


def save_plots(evaluation: Evaluation, what: str, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for name, figure in (
        ("lift_curve", lift_curve(evaluation, what)),
        ("calibration", calibration_plot(evaluation, what)),
    ):
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=100, metadata={"Software": None})
        saved.append(path)
    return saved


def _axes(title: str) -> tuple[Figure, Axes]:
    """A figure of its own canvas: no global state, and Agg as there is no window."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes
