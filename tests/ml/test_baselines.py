"""Rivals are fitted as people would, and answer in probabilities and money."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ml.backends import connect
from ml.contracts import DAY, cutoff_of
from ml.evaluation.metrics import auc
from ml.facts import FactStore
from ml.learning.baselines import churn_baselines, newest, value_baselines
from ml.learning.course import chain, origins_of
from ml.learning.origins import Origin
from ml.learning.study import Study
from ml.members import HORIZON
from ml.sample import Sample
from ml.synthetic import Business, invent
from ml.training import silent
from tests.ml.conftest import write_rows

SMALL = Business(customers=170, days=200)
CUTOFF = cutoff_of(SMALL.last_day, "UTC")
DAYS = 28


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    path = write_rows(tmp_path_factory.mktemp("small") / "facts", invent(SMALL, seed=4))
    with connect(1) as backend:
        study = Study.open(backend, FactStore(path), CUTOFF, 1)
        plans = chain(study.span, Origin(CUTOFF, DAYS))
        study.prepare(origins_of(plans) | {Origin(CUTOFF - 42 * DAY, 42)}, silent)
        yield study


@pytest.fixture(scope="module")
def halves(study: Study) -> tuple[Sample, Sample]:
    """Teachers, and the customers of the proof."""
    today, before, *_ = chain(study.span, Origin(CUTOFF, DAYS))
    return study.lesson(before), study.extended(today.proof)


def test_probabilities_are_sane_and_most_beat_chance(halves: tuple[Sample, Sample]) -> None:
    teachers, judged = halves
    found = churn_baselines(teachers, judged)
    assert set(churn_baselines(teachers, judged, quick=True)) < set(found)
    for method, said in found.items():
        assert said.shape == (len(judged),)
        assert np.all((said >= 0) & (said <= 1)), method
        if method != "base_rate":
            assert auc(said, judged.churned.astype(np.float64)) > 0.65, method
    assert set(found["base_rate"]) == {teachers.churned.mean()}


def test_the_recency_baseline_is_a_rising_curve_of_silence(halves: tuple[Sample, Sample]) -> None:
    teachers, judged = halves
    said = churn_baselines(teachers, judged, quick=True)["recency"]
    order = np.argsort(judged.column("recency_days"), kind="stable")
    assert (np.diff(said[order]) >= 0).all()


def test_values_are_money_of_the_right_size(halves: tuple[Sample, Sample]) -> None:
    teachers, judged = halves
    found = value_baselines(teachers, judged, 1.0)
    assert set(value_baselines(teachers, judged, 1.0, quick=True)) < set(found)
    truth = judged.value.mean()
    for method, said in found.items():
        assert said.shape == (len(judged),)
        assert np.all(said >= 0), method
        assert 0.3 * truth < said.mean() < 3.0 * truth, method
    np.testing.assert_allclose(found["mean"], teachers.value.mean())


def test_the_last_period_repeats_itself_in_proportion(
    study: Study, halves: tuple[Sample, Sample]
) -> None:
    teachers, judged = halves
    same = value_baselines(teachers, judged, 0.5, quick=True)["last_period"]
    np.testing.assert_allclose(same, np.maximum(judged.column("spend_28d") * 0.5, 0.0))
    longer = study.extended(Origin(CUTOFF - 42 * DAY, 42))
    said = value_baselines(teachers, longer, 1.0, quick=True)["last_period"]
    window = longer.column("spend_28d")
    np.testing.assert_allclose(said, np.maximum(window, 0.0) * 42 / 28)


def test_who_knows_one_horizon_only_learns_from_the_longest(halves: tuple[Sample, Sample]) -> None:
    teachers, _ = halves
    mixed = teachers.where(np.ones(len(teachers), np.bool_))
    values = mixed.values.copy()
    values[::3, mixed.codes.index(HORIZON)] = 14
    mixed = Sample(mixed.codes, values, mixed.cutoff, mixed.customer_id, mixed.churned, mixed.value)
    assert set(newest(mixed).column(HORIZON)) == {28.0}
    assert len(newest(mixed)) == len(mixed) - len(values[::3])


def test_rivals_without_amounts_still_answer(halves: tuple[Sample, Sample]) -> None:
    teachers, judged = halves

    def unpaid(sample: Sample) -> Sample:
        values = sample.values.copy()
        for code in ("net_spend", "rhythm_value", "spend_28d"):
            values[:, sample.codes.index(code)] = 0.0
        return Sample(
            sample.codes, values, sample.cutoff, sample.customer_id, sample.churned,
            np.zeros(len(sample)),
        )  # fmt: skip

    for said in value_baselines(unpaid(teachers), unpaid(judged), 1.0).values():
        assert said.shape == (len(judged),)
        assert np.isfinite(said).all()
        assert (said < 1.0).all()
