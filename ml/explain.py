"""Why a customer got a prediction: the strongest exact contributions, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ml.sample import Floats

TOP = 4
FACES: Mapping[str, str] = MappingProxyType(
    {
        "rhythm_absence": "recency_days",
        "rhythm_alive": "recency_days",
        "rhythm_orders": "recency_days",
        "recency_share": "recency_days",
        "recency_over_horizon": "recency_days",
        "tenure_over_horizon": "tenure_days",
    }
)
"""What a reader is shown instead of what a model computes from it: "no purchase for 74 days" says
what "by rhythm alone 93 %" was derived from. The effects are added up, so they still sum."""


SINGLE = frozenset(
    {
        "recency_over_mean_gap",
        "recency_over_longest_gap",
        "gap_cv",
        "mean_gap_days",
        "longest_gap_days",
        "last_gap_days",
        "days_since_second_last",
    }
)
"""Unknown of who bought on one day only, which is then shown instead."""
ONE_DAY = "purchase_days"


def reasons(
    codes: Sequence[str], values: npt.NDArray[np.float32], effects: Floats, top: int = TOP
) -> list[str]:
    """A JSON list per row, strongest first; effects of nothing are left out.

    A choice that is not the customer's keeps its effect on the prediction, but is no reason to
    show: "not from there" says too little.
    """
    effects = faced(codes, values, effects)
    other_choice = np.array(["=" in code for code in codes]) & (values == 0)
    strength = np.where(other_choice, 0.0, np.abs(effects))
    order = np.argsort(-strength, axis=1, kind="stable")[:, :top]
    picked = {
        "effect": np.take_along_axis(effects, order, axis=1),
        "strength": np.take_along_axis(strength, order, axis=1),
        "value": np.take_along_axis(values, order, axis=1),
    }
    return [
        json.dumps(
            [
                {"code": codes[place], "value": _number(value), "effect": round(float(effect), 6)}
                for place, value, effect, strong in zip(*row, strict=True)
                if strong > 0
            ],
            allow_nan=False,
        )
        for row in zip(order, picked["value"], picked["effect"], picked["strength"], strict=True)
    ]


def faced(codes: Sequence[str], values: npt.NDArray[np.float32], effects: Floats) -> Floats:
    """The same effects, with those of a code that has another to be shown for it moved there."""
    moved = effects.copy()
    for place, code in enumerate(codes):
        unknown = np.isnan(values[:, place]) & (code in SINGLE)
        face = FACES.get(code, ONE_DAY if unknown.any() else None)
        if face in codes:
            rows = unknown if code in SINGLE else np.ones(len(effects), np.bool_)
            moved[rows, codes.index(face)] += effects[rows, place]
            moved[rows, place] = 0.0
    return moved


def _number(value: np.float32) -> float | None:
    """The shortest decimal that is this float32; null where it is unknown."""
    return None if np.isnan(value) else float(str(value))
