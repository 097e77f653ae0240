"""The smooth additive model finds what made the data, explains itself, and takes any column."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy.special import expit

from ml.curves import KNOTS, Curves, Line, fit_curves, squeezed
from ml.sample import Floats, Sample


def made(columns: dict[str, Floats]) -> Sample:
    """A sample of nothing but these columns."""
    rows = len(next(iter(columns.values())))
    return Sample(
        codes=tuple(columns),
        values=np.column_stack(list(columns.values())).astype(np.float32),
        cutoff=np.zeros(rows, np.int64),
        customer_id=np.arange(rows),
        churned=np.zeros(rows, np.bool_),
        value=np.zeros(rows),
    )


def drawn(log_odds: Floats, seed: int = 1) -> Floats:
    random = np.random.default_rng(seed)
    return (random.random(len(log_odds)) < expit(log_odds)).astype(np.float64)


def ones(sample: Sample) -> Floats:
    return np.ones(len(sample))


def test_the_parts_of_an_additive_truth_are_found() -> None:
    random = np.random.default_rng(5)
    rising, bent, idle = (random.uniform(-3, 3, 40_000) for _ in range(3))
    sample = made({"rising": rising, "bent": bent, "idle": idle})
    truth = {"rising": 1.2 * squeezed(rising), "bent": -0.8 * np.abs(squeezed(bent))}
    curves = fit_curves(
        sample, sample.codes, drawn(sum(truth.values(), np.full(40_000, 0.3))), ones(sample)
    )
    effects = curves.effects(sample)
    for code, effect in truth.items():
        off = effects[code] - (effect - effect.mean())
        assert np.sqrt(np.mean(off**2)) < 0.08, code
    assert np.abs(effects["idle"]).max() < 0.15
    assert curves.level == pytest.approx(0.3 + truth["bent"].mean(), abs=0.05)


def test_effects_have_no_mean_and_sum_to_the_margin() -> None:
    random = np.random.default_rng(6)
    a, b = random.lognormal(2, 2, 3000), random.normal(0, 1, 3000)
    b[::5] = np.nan
    sample = made({"a": a, "b": b})
    weight = random.uniform(0.2, 1.0, 3000)
    curves = fit_curves(sample, ("a", "b"), drawn(np.log(a) / 3), weight)
    effects = curves.effects(sample)
    for effect in effects.values():
        assert np.average(effect, weights=weight) == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(
        curves.level + effects["a"] + effects["b"], curves.margins(sample), rtol=0, atol=1e-12
    )


def test_at_the_maximum_as_many_are_expected_as_there_were() -> None:
    """The intercept is not penalised: the weighted residuals sum to nothing."""
    random = np.random.default_rng(7)
    x, weight = random.normal(0, 2, 2000), random.uniform(0.1, 2.0, 2000)
    sample, happened = made({"x": x}), drawn(x)
    curves = fit_curves(sample, ("x",), happened, weight)
    off = weight @ (happened - expit(curves.margins(sample)))
    assert off == pytest.approx(0.0, abs=1e-3)


def test_what_is_missing_has_a_height_of_its_own() -> None:
    random = np.random.default_rng(8)
    x = random.normal(0, 1, 20_000)
    x[random.random(20_000) < 0.4] = np.nan
    missing = np.isnan(x)
    sample = made({"x": x})
    happened = drawn(np.where(missing, 1.5, -0.5))
    curves = fit_curves(sample, ("x",), happened, ones(sample))
    chance = expit(curves.margins(sample))
    assert chance[missing].mean() == pytest.approx(happened[missing].mean(), abs=0.01)
    assert np.ptp(chance[missing]) == 0.0
    assert chance[~missing].mean() == pytest.approx(happened[~missing].mean(), abs=0.01)


@pytest.mark.parametrize(
    "column",
    [np.zeros(400), np.full(400, 7.0), np.full(400, np.nan), np.repeat([7.0, np.nan], 200)],
    ids=["zero", "constant", "all missing", "one knot"],
)
def test_a_column_that_says_nothing_does_no_harm(column: Floats) -> None:
    random = np.random.default_rng(9)
    other = random.normal(0, 1, 400)
    sample = made({"column": column, "other": other})
    happened = drawn(2.0 * other)
    curves = fit_curves(sample, ("column", "other"), happened, ones(sample))
    assert np.isfinite(curves.margins(sample)).all()
    assert np.abs(curves.effects(sample)["column"]).max() < 0.3
    alone = fit_curves(sample, ("other",), happened, ones(sample))
    assert np.corrcoef(curves.margins(sample), alone.margins(sample))[0, 1] > 0.99


def test_lines_go_on_between_knots_and_are_flat_outside() -> None:
    line = Line("x", (0.0, 1.0), (-2.0, 2.0), 5.0)
    at = line.at(np.array([-9.0, 0.0, np.expm1(0.5), np.expm1(1.0), 1e9, np.nan]))
    np.testing.assert_allclose(at, [-2.0, -2.0, 0.0, 2.0, 2.0, 5.0])


def test_a_column_that_was_known_once_and_is_no_more_counts_as_missing() -> None:
    curves = Curves(0.5, (Line("gone", (0.0,), (9.0,), 1.0),))
    np.testing.assert_array_equal(curves.margins(made({"x": np.zeros(3)})), [1.5, 1.5, 1.5])


def test_where_all_left_the_answer_stays_finite() -> None:
    random = np.random.default_rng(3)
    x = random.normal(0, 1, 300)
    sample = made({"x": x})
    parted = fit_curves(sample, ("x",), (x > 0).astype(np.float64), ones(sample))
    margins = parted.margins(sample)
    assert np.isfinite(margins).all()
    assert margins[x > 0.3].min() > margins[x < -0.3].max()


def test_a_document_keeps_the_curves_to_the_last_bit() -> None:
    random = np.random.default_rng(4)
    sample = made({"x": random.lognormal(0, 1, 500), "y": np.full(500, np.nan)})
    curves = fit_curves(sample, ("x", "y"), drawn(sample.column("x") - 1), ones(sample))
    assert Curves.from_document(json.loads(json.dumps(curves.to_document()))) == curves
    for line in curves.lines:
        assert 1 <= len(line.knots) <= KNOTS
        assert len(line.heights) == len(line.knots)
        assert all(a < b for a, b in itertools.pairwise(line.knots))
