"""Who is nearest to the next better tier, and who hardly keeps the one they have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from api.domain.simulation.distances import shortfall, slack
from api.domain.tiers.decisions import TierDecisions

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Nearness:
    """In the order of rows; distances are shares of a threshold, NaN where there is none."""

    next_tier: npt.NDArray[np.object_]
    """The next better tier, None at the top."""
    lacking: Floats
    """How far it is to that tier."""
    spare: Floats
    """How far the measures are from losing the tier that they give."""


def nearness(decisions: TierDecisions) -> Nearness:
    """Distances for everybody at once, without the texts that `TierDecisions` writes of them."""
    masks, place = decisions.masks, decisions.moves.place
    next_tier = np.full(masks.size, None, dtype=object)
    lacking, spare = np.full(masks.size, np.nan), np.full(masks.size, np.nan)
    for ladder in decisions.ladders:
        if not ladder.where.any():
            continue
        for index, rung in enumerate(ladder.rungs):
            below = ladder.where & (place > rung.tier.place)
            if index + 1 < len(ladder.rungs):
                below &= place <= ladder.rungs[index + 1].tier.place
            next_tier[below] = rung.tier.key
            for rule, part in (
                (rung.enter, below & decisions.stands),
                (rung.rule, below & ~decisions.stands),
            ):
                if part.any():
                    lacking[part] = shortfall(rule, masks)[part]
            inside = ladder.where & (place == rung.tier.place)
            if not rung.otherwise and inside.any():
                spare[inside] = slack(rung.keep, masks)[inside]
    return Nearness(next_tier, _finite(lacking), _finite(spare))


def _finite(distances: Floats) -> Floats:
    return np.where(np.isfinite(distances), distances, np.nan)
