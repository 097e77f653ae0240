"""k-means in one thread, so that the same seed gives the same groups on every machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score, silhouette_score

from ml.mining.baskets import Ints
from ml.sample import Floats

COUNTS = range(4, 9)
"""How many groups are tried; fewer say little, more nobody remembers."""
STARTS = 4
ROUNDS = 100
JUDGED = 1_500
BLOCK = 100_000


def nearest(points: Floats, centres: Floats) -> Ints:
    """The place of the nearest centre to each point."""
    found = [
        np.argmin(_squares(points[start : start + BLOCK], centres), axis=1)
        for start in range(0, len(points), BLOCK)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _squares(points: Floats, centres: Floats) -> Floats:
    """Squared distances, but for a part that is the same for all centres of a point."""
    return np.asarray((centres**2).sum(axis=1) - 2.0 * points @ centres.T, np.float64)


def refine(points: Floats, centres: Floats) -> tuple[Floats, float]:
    """Lloyd's iterations from these centres to rest; the centres and the sum of squares."""
    for _ in range(ROUNDS):
        place = nearest(points, centres)
        moved = centres.copy()
        for group in range(len(centres)):
            if (inside := place == group).any():
                moved[group] = points[inside].mean(axis=0)
        if np.allclose(moved, centres, atol=1e-6):
            break
        centres = moved
    return centres, float(((points - centres[nearest(points, centres)]) ** 2).sum())


def fit_centres(points: Floats, count: int, random: np.random.Generator) -> Floats:
    """The best of several starts (k-means++, Arthur and Vassilvitskii 2007)."""
    tries = [refine(points, _seeds(points, count, random)) for _ in range(STARTS)]
    return min(tries, key=lambda found: found[1])[0]


def _seeds(points: Floats, count: int, random: np.random.Generator) -> Floats:
    chosen = [points[random.integers(len(points))]]
    far = ((points - chosen[0]) ** 2).sum(axis=1)
    while len(chosen) < count:
        share = far / far.sum() if far.sum() > 0 else None
        chosen.append(points[random.choice(len(points), p=share)])
        far = np.minimum(far, ((points - chosen[-1]) ** 2).sum(axis=1))
    return np.array(chosen)


def choose_count(points: Floats, random: np.random.Generator) -> int:
    """The number of groups that are both apart and found again on half of the customers.

    Silhouette (Rousseeuw 1987) times the adjusted Rand index of two halves' groups.
    """
    most = len(np.unique(points, axis=0))
    scores = {}
    for count in [each for each in COUNTS if each < most] or [max(1, min(most, 2))]:
        if count < 2:
            return count
        order = random.permutation(len(points))
        halves = (points[order[: len(order) // 2]], points[order[len(order) // 2 :]])
        ours, theirs = (nearest(points, fit_centres(half, count, random)) for half in halves)
        stable = max(float(adjusted_rand_score(ours, theirs)), 0.0)
        scores[count] = stable * _apart(points, ours, order)
    return max(scores, key=lambda count: scores[count])


def _apart(points: Floats, place: Ints, order: npt.NDArray[np.int64]) -> float:
    judged = order[:JUDGED]
    several = len(np.unique(place[judged])) > 1
    return float(silhouette_score(points[judged], place[judged])) + 1.0 if several else 0.0
