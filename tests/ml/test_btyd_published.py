"""On the CDNOW 1/10 sample the models find the published parameters, to the printed digit."""

from __future__ import annotations

import pytest

from ml.btyd import fit_pareto, fit_rhythm, fit_spend
from tests.ml.lives import cdnow_sample


def test_bg_nbd_finds_the_published_values() -> None:
    """Fader, Hardie, Lee (2005), "Counting your customers" the easy way."""
    seen, _ = cdnow_sample()
    assert len(seen) == 2357
    fitted = fit_rhythm(seen, "bg", prior=0.0)
    assert round(fitted.r, 3) == 0.243
    assert round(fitted.alpha, 2) == 4.41
    assert round(fitted.a, 2) == 0.79
    assert round(fitted.b, 2) == 2.43


def test_pareto_nbd_finds_the_published_values() -> None:
    """Fader, Hardie (2005), a note on deriving the Pareto/NBD model."""
    fitted = fit_pareto(cdnow_sample()[0], prior=0.0)
    assert round(fitted.r, 3) == 0.553
    assert round(fitted.alpha, 2) == 10.58
    assert round(fitted.s, 3) == 0.606
    assert round(fitted.beta, 2) == 11.67


def test_gamma_gamma_finds_the_published_values() -> None:
    """Fader, Hardie (2013), the gamma-gamma model of monetary value."""
    seen, mean = cdnow_sample()
    assert (mean > 0).sum() == 946
    fitted = fit_spend(mean, seen.repeats, prior=0.0)
    assert round(fitted.p, 2) == 6.25
    assert round(fitted.q, 2) == 3.74
    assert round(fitted.scale, 2) == 15.44


def test_the_penalty_moves_what_the_model_expects_by_less_than_a_percent() -> None:
    seen, _ = cdnow_sample()
    for free, tied in (
        (fit_rhythm(seen, "bg", prior=0.0), fit_rhythm(seen, "bg")),
        (fit_rhythm(seen, "mbg", prior=0.0), fit_rhythm(seen, "mbg")),
        (fit_pareto(seen, prior=0.0), fit_pareto(seen)),
    ):
        before, after = (model.expected_days(seen, 39.0).sum() for model in (free, tied))
        assert after == pytest.approx(before, rel=0.01)
