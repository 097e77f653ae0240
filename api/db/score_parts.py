"""Stretches of the score feed by revision, and what tells that they are the same still.

A score in the feed never changes without a new, higher revision. So a stretch that was read once
can only lose rows, and sums over what names its rows tell whether it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

LARGE, SMALL = 1_000_003, 1_009
PRIME = 2_147_483_629
"""Squares below are of numbers up to about 1e9, so nothing overflows 64 bits on any side."""


@dataclass(frozen=True)
class Tally:
    """Sums over the rows of a stretch; the last two tie customers to revisions.

    Those are sums of squares modulo a prime, as in plain sums the changes of a few rows soon
    cancel out. Nobody is to be fooled by them who wants to be: they only tell copies apart.
    """

    rows: int
    runs: int
    money: int
    first_mix: int
    second_mix: int


NOTHING = Tally(0, 0, 0, 0, 0)


def tallies_of(bounds: Sequence[int]) -> str:
    """A statement for the tallies of all stretches that end at these revisions, in order.

    `stretch` is the place of the first bound that isn't below the revision.
    """
    return (
        f"SELECT {_stretch(bounds, 0, len(bounds) - 1)} AS stretch, {_sums()} "
        "FROM predictions WHERE NOT deleted AND shared GROUP BY 1 ORDER BY 1"
    )


def moved_since(revision: int) -> str:
    """A statement for the tallies of all rows above a revision: those shown, and those that ended.

    An index finds them, so it costs what has moved, not what there is.
    """
    return (
        f"SELECT CASE WHEN deleted OR NOT shared THEN 1 ELSE 0 END AS ended, {_sums()} "
        f"FROM predictions WHERE revision > {revision} GROUP BY 1 ORDER BY 1"
    )


def _sums() -> str:
    first, second = _mix("customer_id", "revision")
    # PostgreSQL sums up as NUMERIC, which ADBC hands over as text.
    sums = (f"CAST(SUM({each}) AS BIGINT)" for each in ("run_id", "clv_minor", first, second))
    return f"COUNT(*), {', '.join(sums)}"


def _stretch(bounds: Sequence[int], low: int, high: int) -> str:
    """A search by halves: ten comparisons for a thousand stretches, on both databases."""
    if low == high:
        return str(low)
    middle = (low + high) // 2
    lower, upper = _stretch(bounds, low, middle), _stretch(bounds, middle + 1, high)
    return f"CASE WHEN revision <= {bounds[middle]} THEN {lower} ELSE {upper} END"


def _mix(customer: str, revision: str) -> tuple[str, str]:
    first = f"(({customer} % {LARGE}) * {SMALL} + {revision} % {SMALL})"
    second = f"(({customer} % {SMALL}) * {LARGE} + {revision} % {LARGE})"
    return f"{first} * {first} % {PRIME}", f"{second} * {second} % {PRIME}"


def tally_of(rows: pa.Table) -> Tally:
    """The same sums over rows that were read."""
    customers, revisions, runs, money = (
        rows.column(name).to_numpy().astype(np.int64)
        for name in ("customer_id", "revision", "run_id", "clv_minor")
    )
    first = (customers % LARGE) * SMALL + revisions % SMALL
    second = (customers % SMALL) * LARGE + revisions % LARGE
    return Tally(
        rows.num_rows,
        int(runs.sum()),
        int(money.sum()),
        int((first * first % PRIME).sum()),
        int((second * second % PRIME).sum()),
    )
