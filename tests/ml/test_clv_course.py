"""How value is learned: intervals know how long the windows were that taught them."""

from __future__ import annotations

import numpy as np
import pytest

from ml.bands import Bands
from ml.learning.clv import bands_within
from ml.learning.course import Evidence
from ml.members import HORIZON
from ml.sample import Floats, Sample

ROWS = 2000
ONLY = np.ones(1)


def seen(foretold: Floats, value: Floats, horizon_days: int) -> Evidence:
    """What one member foretold of a window, and what it brought."""
    sample = Sample(
        codes=(HORIZON,),
        values=np.full((len(value), 1), horizon_days, np.float32),
        cutoff=np.zeros(len(value), np.int64),
        customer_id=np.arange(len(value)),
        churned=value == 0,
        value=value,
    )
    return Evidence(sample, np.log(foretold)[:, None], extrapolated=True)


def evidence(scale: float, horizon_days: int) -> Evidence:
    random = np.random.default_rng(1)
    foretold = random.lognormal(6.0, 1.0, ROWS)
    value = np.where(random.random(ROWS) < 0.4, 0.0, foretold * random.gamma(2.0, 0.5, ROWS))
    return seen(scale * foretold, scale * value, horizon_days)


def same(ours: Bands, theirs: Bands) -> bool:
    pairs = zip(vars(ours).values(), vars(theirs).values(), strict=True)
    return all(len(a) == len(b) and np.allclose(a, b) for a, b in pairs)


def test_a_window_of_half_the_horizon_teaches_as_if_it_had_brought_half() -> None:
    whole = bands_within(56, [evidence(2.0, 56)], 1.0, ONLY)
    assert len(whole.edges) == 9
    assert same(bands_within(56, [evidence(1.0, 28)], 1.0, ONLY), whole)
    assert same(bands_within(56, [evidence(1.0, 28), evidence(2.0, 56)], 1.0, ONLY), whole)


def test_a_correction_moves_what_was_foretold_and_not_what_happened() -> None:
    plain, doubled = (bands_within(28, [evidence(1.0, 28)], by, ONLY) for by in (1.0, 2.0))
    assert doubled.edges == pytest.approx(2.0 * np.array(plain.edges))
    assert doubled.high == pytest.approx(np.array(plain.high) / 2.0)
