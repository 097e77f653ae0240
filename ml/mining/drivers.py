"""What drives churn (or value) in one segment more than elsewhere: means of exact contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.features import Language, label_of, reason_text
from ml.sample import Floats

Mask = npt.NDArray[np.bool_]
MIN_MEMBERS = 10
"""A mean over fewer customers says more about them than about the segment."""
MIN_SHARE = 0.001
"""A driver has at least this part of all contributions in its segment."""


@dataclass(frozen=True)
class Driver:
    """One feature in one segment.

    `strength` is the mean absolute contribution in the segment, `effect` the mean contribution
    there less that of the rest (log-odds for churn; positive raises it). `inside` and `outside` are
    the feature's means over customers where it is known, None where it is known of nobody.
    """

    code: str
    strength: float
    effect: float
    inside: float | None
    outside: float | None

    def label(self, language: Language) -> str:
        return label_of(self.code, language)

    def text(self, language: Language, currency_exponent: int = 2) -> str:
        """The segment's mean as a sentence, the others' in brackets."""
        ours, theirs = (
            reason_text(self.code, value, language, currency_exponent)
            for value in (self.inside, self.outside)
        )
        if language == "en":
            return f"{ours} (the others: {theirs[0].lower()}{theirs[1:]})"
        return f"{ours}（其他客户：{theirs}）"


@dataclass(frozen=True)
class SegmentDrivers:
    """The strongest drivers of a segment; none where it or the rest is smaller than MIN_MEMBERS."""

    segment: str
    customers: int
    drivers: tuple[Driver, ...]


def drivers(
    effects: Floats,
    codes: Sequence[str],
    values: npt.NDArray[np.float32],
    members: Mapping[str, Mask],
    top: int = 5,
) -> tuple[SegmentDrivers, ...]:
    """The features that move predictions most within each segment, compared with everybody else.

    `effects` are contributions as a model's `effects` gives them: a column per code, and maybe the
    bias last; `values` the features in the same columns; `members` a mask over the rows for each
    segment.
    """
    shares = effects[:, : len(codes)]
    return tuple(
        SegmentDrivers(
            name, int(mask.sum()), _of_segment(shares, codes, np.asarray(values), mask, top)
        )
        for name, mask in members.items()
    )


def _of_segment(
    shares: Floats, codes: Sequence[str], values: npt.NDArray[np.float32], mask: Mask, top: int
) -> tuple[Driver, ...]:
    if min(int(mask.sum()), int((~mask).sum())) < MIN_MEMBERS:
        return ()
    strength = np.abs(shares[mask]).mean(axis=0)
    effect = shares[mask].mean(axis=0) - shares[~mask].mean(axis=0)
    order = np.argsort(-strength, kind="stable")[:top]
    return tuple(
        Driver(
            codes[place],
            round(float(strength[place]), 6),
            round(float(effect[place]), 6),
            _mean(values[mask, place]),
            _mean(values[~mask, place]),
        )
        for place in order
        if strength[place] > MIN_SHARE * strength.sum()
    )


def _mean(column: npt.NDArray[np.float32]) -> float | None:
    known = column[~np.isnan(column)]
    return float(known.mean(dtype=np.float64)) if len(known) else None
