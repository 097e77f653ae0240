"""What the models foretell comes true, for every kind of history and every question."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ml.btyd import Histories, Nbd, Pareto, Rhythm, next_purchase
from ml.btyd.model import FORESEEABLE_DAYS, PurchaseModel
from tests.ml.lives import AHEAD, TRUTHS, Lives, live

HORIZON = 60.0

every_truth = pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.kind)


def kinds_of_history(seen: Histories) -> dict[str, npt.NDArray[np.bool_]]:
    silence = seen.age - seen.last
    once = seen.repeats == 0
    some = (seen.repeats > 0) & (seen.repeats < 8)
    return {
        "once, lately": once & (silence < 120),
        "once, long ago": once & (silence >= 120),
        "some, lately": some & (silence < 40),
        "some, long ago": some & (silence >= 40),
        "often, lately": (seen.repeats >= 8) & (silence < 20),
        "often, long ago": (seen.repeats >= 8) & (silence >= 20),
    }


@pytest.fixture(scope="module")
def everybody() -> dict[str, Lives]:
    return {truth.kind: live(truth, 40_000, seed=6, horizon_days=HORIZON) for truth in TRUTHS}


@every_truth
def test_foretold_shares_are_the_real_ones_for_each_kind_of_history(
    truth: Rhythm | Pareto, everybody: dict[str, Lives]
) -> None:
    lives = everybody[truth.kind]
    alive, absence = truth.alive(lives.seen), truth.absence(lives.seen, HORIZON)
    expected = truth.expected_days(lives.seen, HORIZON)
    for name, rows in kinds_of_history(lives.seen).items():
        assert rows.sum() > 400, name
        doubt = 4.0 / np.sqrt(rows.sum())
        assert alive[rows].mean() == pytest.approx(lives.customer[rows].mean(), abs=doubt / 2)
        assert absence[rows].mean() == pytest.approx((lives.later[rows] == 0).mean(), abs=doubt / 2)
        spread = lives.later[rows].std() + 0.1
        assert expected[rows].mean() == pytest.approx(
            lives.later[rows].mean(), abs=doubt * spread
        ), name


@every_truth
def test_absence_is_calibrated(truth: Rhythm | Pareto, everybody: dict[str, Lives]) -> None:
    lives = everybody[truth.kind]
    absence = truth.absence(lives.seen, HORIZON)
    for low, high in ((0.0, 0.3), (0.3, 0.6), (0.6, 0.8), (0.8, 1.0)):
        rows = (absence >= low) & (absence < high)
        assert rows.sum() > 200
        assert (lives.later[rows] == 0).mean() == pytest.approx(absence[rows].mean(), abs=0.03)


@every_truth
def test_of_those_who_come_again_so_many_come_within_the_window(
    truth: Rhythm | Pareto, everybody: dict[str, Lives], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lives are drawn for so many days ahead only.
    monkeypatch.setattr("ml.btyd.model.FORESEEABLE_DAYS", AHEAD)
    lives = everybody[truth.kind]
    coming = next_purchase(truth, lives.seen)
    comes = np.isfinite(lives.to_next)
    assert coming.chance.mean() == pytest.approx(comes.mean(), abs=0.01)
    for name, rows in kinds_of_history(lives.seen).items():
        who = rows & comes
        assert who.sum() > 50, name
        doubt = 2.0 / np.sqrt(who.sum())
        for share, days in ((0.1, coming.early), (0.5, coming.days), (0.9, coming.late)):
            assert (lives.to_next < days)[who].mean() == pytest.approx(share, abs=doubt), name


@every_truth
def test_one_in_ten_gaps_is_overdue_before_it_ends(
    truth: Rhythm | Pareto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen at the moment of the first purchase, the gap that follows is longer than the limit of
    silence for a tenth of those who come again."""
    monkeypatch.setattr("ml.btyd.model.FORESEEABLE_DAYS", AHEAD)
    lives = live(truth, 20_000, seed=9, horizon_days=HORIZON, age=np.zeros(20_000))
    gap = lives.to_next[np.isfinite(lives.to_next)]
    later = Histories(np.zeros(len(gap)), np.zeros(len(gap)), gap)
    assert next_purchase(truth, later).overdue.mean() == pytest.approx(0.1, abs=0.01)


@every_truth
def test_who_is_silent_for_long_is_overdue_and_less_likely_there(truth: PurchaseModel) -> None:
    silence = np.array([0.0, 5.0, 200.0])
    seen = Histories(np.full(3, 12.0), np.full(3, 100.0), 100.0 + silence)
    assert next_purchase(truth, seen).overdue.tolist() == [False, False, True]
    assert (np.diff(truth.alive(seen)) < 0).all()


@pytest.mark.parametrize("truth", [*TRUTHS, Nbd(0.8, 12.0)], ids=lambda truth: truth.kind)
def test_questions_about_the_same_thing_get_the_same_answer(truth: PurchaseModel) -> None:
    seen = live(TRUTHS[0], 300, seed=2, horizon_days=HORIZON).seen
    assert np.all(truth.absence(seen, 1e-9) > 1 - 1e-6)
    np.testing.assert_allclose(
        truth.expected_days(seen, 0.01), truth.alive(seen) * truth.rate(seen) * 0.01, rtol=1e-2
    )
    days = truth.days_to_next(seen)
    for row in np.flatnonzero(np.isfinite(days))[:20]:
        one = seen.where(np.array([row]))
        assert truth.absence(one, float(days[row]))[0] == pytest.approx(0.5, abs=1e-6)
    assert (truth.absence(seen, FORESEEABLE_DAYS)[np.isinf(days)] >= 0.5).all()
    coming = next_purchase(truth, seen)
    assert ((coming.early < coming.days) & (coming.days < coming.late)).all()
    assert (coming.late <= FORESEEABLE_DAYS).all()
