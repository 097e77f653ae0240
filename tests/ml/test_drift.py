"""Distances at their edges, windows of a business that changed or didn't, and what is advised."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from ml.artefacts import CHAMPION
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import cutoff_of
from ml.drift import (
    BaseRate,
    Published,
    Realised,
    Windows,
    advise,
    compare,
    ks,
    psi,
    realise,
    shift,
)
from ml.sample import Floats
from ml.scoring import score
from ml.training import TrainedModel, train
from tests.ml.conftest import BUSINESS, CHURN_HORIZON, CUTOFF

EARLIER = BUSINESS.last_day - dt.timedelta(days=CHURN_HORIZON)
random = np.random.default_rng(7)


def test_psi_is_the_textbook_sum_over_bins_of_equal_count() -> None:
    reference = np.arange(10_000.0)
    current = np.concatenate([np.arange(5_000.0), np.arange(5_000.0)])
    before, now = np.full(10, 0.1), np.array([0.2] * 5 + [1e-9] * 5)
    smoothed = np.where(now < 0.01, 0.5 / 10_005, now)
    textbook = float(np.sum((smoothed - before) * np.log(smoothed / before)))
    assert psi(reference, current).value == pytest.approx(textbook, rel=0.01)


def test_two_samples_of_one_population_stay_within_chance() -> None:
    within = [
        found.value <= found.by_chance
        for found in (psi(random.normal(size=300), random.normal(size=200)) for _ in range(200))
    ]
    assert 0.88 <= np.mean(within) <= 1.0


@pytest.mark.parametrize(
    ("reference", "current", "moved"),
    [
        (np.full(500, 3.0), np.full(400, 3.0), False),
        (np.full(500, 3.0), np.full(400, 3.5), True),
        (np.full(500, 3.0), np.full(400, 2.5), True),
        (np.full(500, np.nan), np.full(400, np.nan), False),
        (np.full(500, np.nan), np.full(400, 1.0), True),
        (np.arange(500.0), np.where(np.arange(500) % 2, np.arange(500.0), np.nan), True),
        (np.repeat([0.0, 1.0], 250), np.repeat([0.0, 1.0], [240, 260]), False),
        (np.repeat([0.0, 1.0], 250), np.repeat([0.0, 1.0], [100, 400]), True),
        (np.array([]), np.arange(9.0), False),
        (np.array([1.0]), np.array([2.0]), False),
        (np.arange(3.0), np.arange(3.0) + 100, False),
    ],
)
def test_constants_gaps_choices_and_few_rows(
    reference: Floats, current: Floats, moved: bool
) -> None:
    found = psi(reference, current)
    assert np.isfinite(found.value)
    assert (found.value >= 0.1 and found.value > found.by_chance) is moved


def test_ks_is_scipys_and_knows_no_missing_values() -> None:
    one, other = np.round(random.normal(size=400), 1), np.round(random.normal(0.2, 1, 300), 1)
    expected = ks_2samp(one, other, method="asymp")
    found = ks(np.append(one, np.nan), other)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)
    assert ks(np.array([np.nan]), other).p_value == 1.0
    assert ks(np.full(5, 1.0), np.full(5, 1.0)).statistic == 0.0


def test_what_ages_by_itself_is_no_drift() -> None:
    ages = random.uniform(0, 300, 2000)
    usual = shift("tenure_days", ages, ages + 30, ages + 60, 0.1)
    assert usual.psi.value > 0.1
    assert usual.strength == 0.0
    sudden = shift("tenure_days", ages, ages, ages + 60, 0.1)
    assert sudden.strength == sudden.psi.value


@pytest.fixture(scope="module")
def earlier_model(store: Path, tmp_path_factory: pytest.TempPathFactory) -> ChurnModel:
    folder = tmp_path_factory.mktemp("earlier")
    trained = train(
        store, "churn", as_of=EARLIER, horizon_days=CHURN_HORIZON, threads=1, folder=folder
    )
    return ChurnModel.load(folder, CHAMPION, trained.files, threads=1)


def test_on_the_day_of_training_nothing_has_moved(
    store: Path, churn: TrainedModel, clv: TrainedModel
) -> None:
    models = (
        ChurnModel.load(churn.folder, CHAMPION, churn.files, threads=1),
        ClvModel.load(clv.folder, CHAMPION, clv.files, threads=1),
    )
    windows = [compare(store, model, cutoff=CUTOFF, threads=1) for model in models]
    for each in windows:
        assert each.customers_before == each.customers_now == BUSINESS.customers
        assert {one.psi.value for one in (each.score, *each.features)} == {0.0}
        assert sum(one.importance for one in each.features) <= 1.0 + 1e-9
        assert each.base is None
    assert advise(windows, (), CUTOFF).retrain == "no need"


def test_a_horizon_later_new_outcomes_have_arrived(store: Path, earlier_model: ChurnModel) -> None:
    found = compare(store, earlier_model, cutoff=CUTOFF, threads=1)
    tenure = next(one for one in found.features if one.code == "tenure_days")
    assert tenure.mean_now == pytest.approx(tenure.mean_before + CHURN_HORIZON, abs=8)
    assert tenure.usual > 0
    assert found.base is not None
    assert found.base.low < found.base.now - found.base.before < found.base.high
    advice = advise([found], (), CUTOFF)
    assert advice.retrain == "soon"
    assert any("1.0 horizons of 28 days" in reason.text for reason in advice.reasons)


def published(store: Path, churn: TrainedModel, clv: TrainedModel) -> Published:
    scored = score(
        store,
        churn=churn.folder,
        clv=clv.folder,
        expected_sha256={"churn": churn.files, "clv": clv.files},
        cutoff=cutoff_of(EARLIER, "UTC"),
        threads=1,
    ).predictions
    return Published(
        name="churn",
        model="churn/1",
        as_of=EARLIER,
        horizon_days=CHURN_HORIZON,
        customer_id=scored["customer_id"].to_numpy(),
        predicted=scored["churn_probability"].to_numpy(),
    )


def test_past_predictions_are_held_against_what_happened(
    store: Path, churn: TrainedModel, clv: TrainedModel
) -> None:
    said = published(store, churn, clv)
    (good,) = realise(store, [said], as_of=BUSINESS.last_day, threads=1)
    assert (good.customers, good.urgency) == (BUSINESS.customers, "no need")
    assert good.metrics["auc"] > 0.8
    assert f"churn/1 said {good.predicted:.1%} on {EARLIER}" in good.text

    reversed_ = replace(said, predicted=1.0 - said.predicted)
    (bad,) = realise(store, [reversed_], as_of=BUSINESS.last_day, threads=1)
    assert bad.urgency == "now"
    advice = advise([], [good, bad], CUTOFF)
    assert advice.retrain == "now"
    assert [reason.text for reason in advice.reasons] == [f"{bad.text}."]


def test_open_horizons_and_few_customers_are_not_judged(
    store: Path, churn: TrainedModel, clv: TrainedModel
) -> None:
    said = published(store, churn, clv)
    few = replace(said, customer_id=said.customer_id[:40], predicted=said.predicted[:40])
    still_open = replace(said, horizon_days=CHURN_HORIZON + 1)
    assert realise(store, [few, still_open], as_of=BUSINESS.last_day, threads=1) == ()


def test_values_are_judged_by_their_total(
    store: Path, churn: TrainedModel, clv: TrainedModel
) -> None:
    said = published(store, churn, clv)
    value = ClvModel.load(clv.folder, CHAMPION, clv.files, threads=1)
    assert value.horizon_days > CHURN_HORIZON
    far = np.full(len(said.customer_id), 1e7)
    ends = replace(said, name="clv", model="clv/1", predicted=far, low=far / 2, high=far * 2)
    (found,) = realise(store, [ends], as_of=BUSINESS.last_day, threads=1)
    assert found.urgency == "now"
    assert found.metrics["within_high"] == 1.0


def made_up(base: BaseRate | None, current: Floats) -> Windows:
    before = random.uniform(0, 1, 1000)
    return Windows(
        name="churn",
        cutoff=CUTOFF,
        horizon_days=28,
        customers_before=1000,
        customers_now=len(current),
        score=shift("churn", before, before, current, 1.0),
        features=(shift("recency_days", before, before, current, 0.5),),
        base=base,
    )


@pytest.mark.parametrize(
    ("base", "move", "expected"),
    [
        (None, 0.0, "no need"),
        (BaseRate(0.30, 0.31, -0.01, 0.03), 0.0, "no need"),
        (BaseRate(0.30, 0.37, 0.05, 0.09), 0.0, "soon"),
        (BaseRate(0.30, 0.37, -0.01, 0.15), 0.0, "no need"),
        (BaseRate(0.30, 0.45, 0.10, 0.20), 0.0, "now"),
        (None, 0.5, "now"),
    ],
)
def test_the_most_urgent_reason_decides(base: BaseRate | None, move: float, expected: str) -> None:
    current = random.uniform(0, 1, 1000) + move
    advice = advise([made_up(base, current)], (), CUTOFF)
    assert advice.retrain == expected
    assert bool(advice.reasons) is (expected != "no need")


def test_good_past_predictions_are_no_reason() -> None:
    fine = Realised("churn", "churn/1", EARLIER, 400, 0.3, 0.3, {}, "no need", "fine")
    assert advise([], [fine], CUTOFF).reasons == ()
