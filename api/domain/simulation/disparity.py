"""Whether a policy treats groups alike: their shares in the best tiers, side by side.

The four-fifths rule: a group whose share is below 80 % of the best-off group's is worth a look.
It is a sign, not a proof; groups of a handful of customers say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.domain.conditions import Mask, is_missing

FOUR_FIFTHS = 0.8
FEWEST = 30
"""A group smaller than this is shown, but neither flagged nor the yardstick."""
MOST_GROUPS = 12
BANDS = 4


@dataclass(frozen=True)
class GroupShare:
    """A group, how many are in it, and which share of them the best tiers have."""

    group: str | None
    """None: the attribute is not known."""
    customers: int
    share_before: float
    share_after: float
    ratio_before: float | None
    """The share against the best-off group's; None where nobody is in the best tiers."""
    ratio_after: float | None
    flagged: bool
    """Whether `ratio_after` is below four fifths, in a group that is large enough to tell."""


def group_shares(
    values: npt.NDArray[Any], best_before: Mask, best_after: Mask
) -> tuple[GroupShare, ...]:
    """Compare the groups of one attribute; largest first, the unknown last."""
    names, codes = groups_of(values)
    sizes = np.bincount(codes, minlength=len(names))
    shares = [
        np.bincount(codes, weights=best, minlength=len(names)) / np.maximum(sizes, 1)
        for best in (best_before, best_after)
    ]
    large = (sizes >= FEWEST) & np.array([name is not None for name in names], dtype=bool)
    ratios = [_ratios(share, large) for share in shares]
    anybody = ratios[1][0] is not None
    order = sorted(
        np.flatnonzero(sizes).tolist(), key=lambda at: (names[at] is None, -sizes[at], at)
    )
    return tuple(
        GroupShare(
            names[at],
            int(sizes[at]),
            float(shares[0][at]),
            float(shares[1][at]),
            ratios[0][at],
            ratios[1][at],
            anybody and bool(large[at]) and (ratios[1][at] or 0.0) < FOUR_FIFTHS,
        )
        for at in order
    )


def groups_of(values: npt.NDArray[Any]) -> tuple[list[str | None], npt.NDArray[np.int64]]:
    """The groups of an attribute and each customer's: values, or bands where those are many."""
    missing = is_missing(values)
    known = values[~missing]
    codes = np.zeros(len(values), dtype=np.int64)
    if values.dtype.kind == "f" and len(np.unique(known)) > MOST_GROUPS:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BANDS + 1)[1:-1], method="lower"))
        codes[~missing] = np.searchsorted(edges, known, "left")
        names = _band_names(edges.tolist())
    else:
        encoded = pa.array(known).dictionary_encode()
        names = [_shown(each) for each in encoded.dictionary.to_pylist()]
        inside = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        if len(names) > MOST_GROUPS:
            names, inside = _largest(names, inside)
        codes[~missing] = inside
    codes[missing] = len(names)
    return [*names, None], codes


def _ratios(shares: npt.NDArray[np.float64], large: Mask) -> Sequence[float | None]:
    best = shares[large].max() if large.any() else 0.0
    return [float(share / best) if best else None for share in shares]


def _band_names(edges: list[float]) -> list[str]:
    shown = [f"{edge:g}" for edge in edges]
    inner = [f"{low}–{high}" for low, high in pairwise(shown)]
    return [f"≤ {shown[0]}", *inner, f"> {shown[-1]}"]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _largest(
    names: list[str], inside: npt.NDArray[np.int64]
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The largest groups; all others together are the last one."""
    sizes = np.bincount(inside, minlength=len(names))
    kept = np.argsort(-sizes, kind="stable")[: MOST_GROUPS - 1]
    place = np.full(len(names), len(kept), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    return [*(names[at] for at in kept.tolist()), "…"], place[inside]
