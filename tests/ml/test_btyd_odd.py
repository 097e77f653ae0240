"""Odd businesses get sane numbers or a clear refusal; a model that can't be fitted falls back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ml.btyd import (
    Histories,
    Nbd,
    Pareto,
    Rhythm,
    fit_nbd,
    fit_or_fall_back,
    fit_pareto,
    fit_rhythm,
    fit_spend,
    model_from_document,
    next_purchase,
)
from ml.btyd.levers import levers
from ml.btyd.model import FORESEEABLE_DAYS, PurchaseModel
from ml.errors import BadModel, FitFailed
from tests.ml.lives import RHYTHMS, TRUTHS, live

FITS: dict[str, Callable[[Histories], PurchaseModel]] = {
    "mbg": fit_rhythm,
    "bg": lambda seen: fit_rhythm(seen, "bg"),
    "pareto": fit_pareto,
    "nbd": fit_nbd,
}


def churners() -> Histories:
    """98 of 100 buy once, years ago."""
    seen = live(RHYTHMS[0], 40, seed=1, horizon_days=1.0).seen
    once = np.zeros(1960)
    age = np.random.default_rng(2).uniform(900, 1500, 1960)
    return Histories(
        np.append(seen.repeats, once), np.append(seen.last, once), np.append(seen.age, age)
    )


ODD = {
    "one purchase each": Histories(np.zeros(200), np.zeros(200), np.arange(200.0)),
    "all on the last day": Histories(np.zeros(50), np.zeros(50), np.zeros(50)),
    "one customer": Histories(np.array([4.0]), np.array([30.0]), np.array([31.0])),
    "three customers": Histories(
        np.array([0.0, 1.0, 9.0]), np.array([0.0, 3.0, 80.0]), np.array([10.0, 90.0, 81.0])
    ),
    "98 % churners": churners(),
    "centuries": Histories(
        np.array([0.0, 3.0, 5000.0]), np.array([0.0, 9e4, 1e6]), np.array([1e6, 1e6, 1e6])
    ),
    "seconds": Histories(
        np.array([0.0, 1.0, 2.0]), np.array([0.0, 1e-5, 2e-5]), np.array([3e-5, 3e-5, 3e-5])
    ),
    "all of one age": Histories(
        np.arange(40.0) % 3, np.where(np.arange(40) % 3 > 0, 50.0, 0.0), np.full(40, 100.0)
    ),
    "clockwork": Histories(np.full(60, 20.0), np.full(60, 140.0), np.full(60, 141.0)),
    "bought until the end": Histories(np.full(30, 5.0), np.full(30, 60.0), np.full(30, 60.0)),
    "every day for years": Histories(np.full(5, 1500.0), np.full(5, 1500.0), np.full(5, 1501.0)),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("kind", FITS)
def test_odd_histories_give_sane_numbers(kind: str, name: str) -> None:
    seen = ODD[name]
    model = FITS[kind](seen)
    for horizon in (1.0, 90.0, 3650.0):
        absence, expected = model.absence(seen, horizon), model.expected_days(seen, horizon)
        assert ((absence >= 0) & (absence <= 1)).all()
        assert np.isfinite(expected).all()
        assert (expected >= 0).all()
    alive = model.alive(seen)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert not np.isnan(model.days_to_next(seen)).any()
    coming = next_purchase(model, seen)
    for days in (coming.early, coming.days, coming.late):
        assert ((days >= 0) & (days <= FORESEEABLE_DAYS)).all()
    parts = levers(model, np.ones(len(seen)), seen, 365.0)
    assert np.isfinite(parts.value).all()
    assert np.isfinite(parts.rate_per_year).all()
    assert model_from_document(model.to_document()) == model


def test_where_nearly_all_left_the_models_know() -> None:
    seen = churners()
    for fit in (fit_rhythm, fit_pareto):
        assert fit(seen).absence(seen, 90.0)[-1900:].mean() > 0.97


@pytest.mark.parametrize("kind", FITS)
def test_nobody_to_learn_from_is_a_loud_failure(kind: str) -> None:
    with pytest.raises(FitFailed, match="there are none"):
        FITS[kind](Histories(np.zeros(0), np.zeros(0), np.zeros(0)))


@pytest.mark.parametrize(
    "wrong",
    [
        Histories(np.array([1.0, 0.0]), np.array([20.0, 0.0]), np.array([10.0, 5.0])),
        Histories(np.array([1.0, 0.0]), np.array([-1.0, 0.0]), np.array([10.0, 5.0])),
        Histories(np.array([np.nan, 0.0]), np.array([1.0, 0.0]), np.array([10.0, 5.0])),
        Histories(np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.array([np.inf, 5.0])),
    ],
    ids=["bought after the cut-off", "negative", "unknown", "endless"],
)
def test_impossible_histories_are_a_loud_failure(wrong: Histories) -> None:
    for fit in FITS.values():
        with pytest.raises(FitFailed, match="1 of 2 purchase histories are impossible"):
            fit(wrong)


def refuse(seen: Histories) -> PurchaseModel:
    raise FitFailed(f"no maximum for {len(seen)}")


def test_what_fits_needs_no_note() -> None:
    seen = live(RHYTHMS[0], 200, seed=1, horizon_days=1.0).seen
    chosen = fit_or_fall_back(seen)
    assert chosen.model == fit_rhythm(seen)
    assert chosen.note == ""
    assert isinstance(fit_or_fall_back(seen, "pareto").model, Pareto)


def test_the_next_simpler_model_is_taken_and_the_reason_kept() -> None:
    seen = live(RHYTHMS[0], 200, seed=1, horizon_days=1.0).seen
    fits = {**FITS, "pareto": refuse, "mbg": refuse}
    chosen = fit_or_fall_back(seen, "pareto", fits)
    assert isinstance(chosen.model, Rhythm)
    assert chosen.note == (
        "bg instead of pareto (pareto: no maximum for 200; mbg: no maximum for 200)"
    )
    last = fit_or_fall_back(seen, "bg", {**fits, "bg": refuse})
    assert isinstance(last.model, Nbd)
    assert list(last.failures) == ["bg", "mbg"]
    with pytest.raises(FitFailed, match="no maximum for 200"):
        fit_or_fall_back(seen, "mbg", dict.fromkeys(FITS, refuse))


def test_a_model_of_an_unknown_kind_is_refused() -> None:
    for truth in TRUTHS:
        assert model_from_document(truth.to_document()) == truth
    with pytest.raises(BadModel, match="'weibull'"):
        model_from_document({"kind": "weibull"})


def test_a_business_without_spend_is_refused_but_not_its_rhythm() -> None:
    seen = live(RHYTHMS[0], 100, seed=1, horizon_days=1.0).seen
    assert fit_rhythm(seen).r > 0
    with pytest.raises(FitFailed, match="positive spend"):
        fit_spend(np.zeros(100), seen.repeats + 1)
