"""The rule of promotion: not worse, calibrated, no segment below its floor; each alone refuses."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.calibration import log_odds
from ml.challenge import Finding, Verdict, challenge, unopposed
from ml.evaluation import Holdout
from ml.evaluation.calibrated import MAX_ECE, calibration_of, chance_error
from ml.sample import Floats
from ml.training import TrainedModel
from tests.ml.worsened import guessing, with_predictions


def outcome(verdict: Verdict) -> dict[str, bool]:
    return {finding.rule: finding.passed for finding in verdict.findings}


def against(champion: TrainedModel, challenger: TrainedModel) -> Verdict:
    return challenge(challenger, 1, champion.folder, champion.files)


def test_an_equal_model_is_not_worse(churn: TrainedModel, clv: TrainedModel) -> None:
    for trained in (churn, clv):
        verdict = against(trained, trained)
        assert verdict.promote
        assert verdict.against == 1
        assert outcome(verdict) == {"not_worse": True, "calibrated": True, "segment_floors": True}


def test_a_guessing_model_is_worse_and_the_numbers_say_so(
    churn: TrainedModel, clv: TrainedModel
) -> None:
    for trained in (churn, clv):
        verdict = against(trained, guessing(trained))
        assert not verdict.promote
        finding = verdict.findings[0]
        assert (finding.rule, finding.passed) == ("not_worse", False)
        assert finding.numbers["difference_low"] > finding.numbers["margin"] > 0
        assert verdict.why.startswith(finding.text)


def test_doubt_may_cost_little_of_what_the_champion_saves(churn: TrainedModel) -> None:
    """A hair worse, surely so but by next to nothing, is not worse; clearly worse is."""
    odds = log_odds(churn.evaluation.predicted)

    def challenger(tempered: float) -> Finding:
        changed = 1.0 / (1.0 + np.exp(-odds * tempered))
        return against(churn, with_predictions(churn, changed)).findings[0]

    near, far = challenger(1.02), challenger(3.0)
    assert near.passed
    assert near.numbers["difference_high"] <= near.numbers["margin"]
    assert not far.passed


def test_a_ranking_without_calibration_is_refused(churn: TrainedModel) -> None:
    timid = 0.5 + (churn.evaluation.predicted - 0.5) * 0.5
    verdict = against(churn, with_predictions(churn, timid))
    assert not verdict.promote
    assert not outcome(verdict)["calibrated"]
    assert "expected calibration error" in verdict.why


def test_a_segment_may_not_pay_for_the_others(churn: TrainedModel) -> None:
    case = churn.evaluation.case
    regular = case.segments["regular buyers"]
    truth = case.actual
    # Nearly right about everyone but the regular buyers, of whom it knows nothing.
    rest = np.clip(truth, 0.03, 0.97)
    predicted = np.where(regular, truth[regular].mean(), rest)
    verdict = against(churn, with_predictions(churn, predicted))
    assert outcome(verdict) == {"not_worse": True, "calibrated": True, "segment_floors": False}
    assert not verdict.promote
    assert "regular buyers" in verdict.why


def test_a_model_is_not_refused_for_a_fault_its_champion_has_worse(churn: TrainedModel) -> None:
    off, further = (
        calibration_of("churn", only(0.5 + (churn.evaluation.predicted - 0.5) * share, churn), "a")
        for share in (0.5, 0.3)
    )
    assert not off.passed
    assert off.no_further_off(further)
    assert not further.no_further_off(off)


def only(predicted: Floats, trained: TrainedModel) -> Holdout:
    return replace(trained.evaluation.case, methods={"a": predicted})


def test_a_first_model_must_know_more_than_the_base_rate(
    churn: TrainedModel, clv: TrainedModel
) -> None:
    for trained in (churn, clv):
        first = unopposed(trained)
        assert first.promote
        assert first.against is None
        assert first.why.startswith("There was no champion.")
        useless = unopposed(guessing(trained))
        assert not useless.promote
        assert "which is worse" in useless.why


def test_a_first_models_other_faults_are_noted_and_do_not_decide(churn: TrainedModel) -> None:
    timid = 0.5 + (churn.evaluation.predicted - 0.5) * 0.5
    verdict = unopposed(with_predictions(churn, timid))
    assert verdict.promote
    assert not outcome(verdict)["calibrated"]
    assert "Not calibrated" in verdict.why


def test_a_champion_that_cannot_be_read_is_no_opponent(churn: TrainedModel, tmp_path: Path) -> None:
    verdict = challenge(churn, 3, tmp_path, churn.files)
    assert verdict.promote
    assert "Version 3 can't be read" in verdict.why
    assert not challenge(guessing(churn), 3, tmp_path, churn.files).promote


def test_a_verdict_can_be_kept_as_json(churn: TrainedModel) -> None:
    document = json.loads(json.dumps(against(churn, guessing(churn)).to_document()))
    assert document["promote"] is False
    assert {finding["rule"] for finding in document["findings"]} == {
        "not_worse",
        "calibrated",
        "segment_floors",
    }
    assert document["findings"][0]["numbers"]["difference"] > 0


def test_chance_alone_makes_a_small_holdout_look_uncalibrated() -> None:
    random = np.random.default_rng(5)
    probability = random.uniform(0.1, 0.9, 200)
    allowed = chance_error(probability, seed=1)
    assert allowed > MAX_ECE
    exact = [
        calibration_of("churn", holdout(probability, {"a": probability}, seed), "a").passed
        for seed in range(100)
    ]
    assert np.mean(exact) >= 0.88
    assert chance_error(random.uniform(0.1, 0.9, 100_000), seed=1) < 0.01


def holdout(truth: Floats, methods: Mapping[str, Floats], seed: int) -> Holdout:
    happened = (np.random.default_rng(seed).random(len(truth)) < truth).astype(np.float64)
    customers = np.arange(len(truth), dtype=np.int64)
    return Holdout(dt.date(2026, 1, 1), customers, happened, methods, None, None, {})


@pytest.mark.parametrize(
    ("scale", "ends", "passed"),
    [(1.0, (0.1, 2.4), True), (2.0, (0.1, 2.4), False), (1.0, (0.1, 1.1), False),
     (1.0, (0.9, 2.4), False)],
)  # fmt: skip
def test_values_are_calibrated_by_total_and_by_both_ends(
    scale: float, ends: tuple[float, float], passed: bool
) -> None:
    random = np.random.default_rng(3)
    meant = random.uniform(50, 150, 4000)
    value = meant * random.exponential(1.0, 4000)
    case = replace(
        holdout(np.full(4000, 0.5), {"echelon": meant * scale}, 0),
        actual=value,
        low=meant * ends[0],
        high=meant * ends[1],
    )
    assert calibration_of("clv", case, "echelon").passed is passed
