"""Groups of customers that a model has to serve well each: by habit, by age, by attribute."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ml.features import label_of
from ml.sample import Sample

NEW_DAYS = 84
REGULAR_VISITS = 8

Masks = Mapping[str, npt.NDArray[np.bool_]]


def segments_of(sample: Sample) -> dict[str, npt.NDArray[np.bool_]]:
    """Masks over the sample's rows; a customer may be in several, or in none."""
    visits = sample.column("purchase_days")
    masks = {
        "one-time buyers": visits == 1,
        "repeat buyers": (visits >= 2) & (visits < REGULAR_VISITS),
        "regular buyers": visits >= REGULAR_VISITS,
        "new customers": sample.column("tenure_days") < NEW_DAYS,
    }
    for code in sample.codes:
        if "=" in code:
            masks[label_of(code)] = sample.column(code) == 1
    return {name: mask for name, mask in masks.items() if mask.any() and not mask.all()}
