"""One native file holds several boosters, and each of them stays what it was."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from ml.booster import (
    MAX_ROUNDS,
    MIN_ROUNDS,
    Rows,
    Shape,
    Task,
    boost,
    contributions,
    from_bytes,
    gather,
    margins,
    to_bytes,
    tune,
)
from ml.contracts import DAY
from ml.curves import fit_curves
from ml.errors import BadModel
from ml.members import (
    CORE_TREES,
    HALF_LIFE_DAYS,
    HORIZON,
    TREES,
    Members,
    Spec,
    choose_shapes,
    faded,
    folds,
    grow,
)
from ml.sample import Floats, Sample

TASK = Task("binary:logistic", "logloss", {}, 0.5, {"net_spend": -1}, seed=3, threads=1)
RESIDUAL = Spec("residual", core=True, on_rhythm=True)
SPECS = (TREES, CORE_TREES, RESIDUAL)
SHAPES = {"trees": Shape(3, 12), "core": Shape(2, 7), "residual": Shape(4, 5)}
CODES = ("visits", "rhythm_absence", "net_spend", "odd", "purchase_days", HORIZON)
Grown = list[tuple[tuple[str, ...], xgb.Booster]]


def drawn(customers: int = 500, origins: tuple[int, ...] = (0, 40, 80), seed: int = 1) -> Sample:
    """The same customers at origins so many days apart, with windows of 30 days."""
    random = np.random.default_rng(seed)
    rows = customers * len(origins)
    values = random.normal(0, 1, (rows, len(CODES)))
    values[:, 1] = random.uniform(0.05, 0.95, rows)
    values[::7, 3] = np.nan
    values[:, 5] = 30.0
    left = random.random(rows) < 1 / (1 + np.exp(values[:, 2] - values[:, 0]))
    return Sample(
        codes=CODES,
        values=values.astype(np.float32),
        cutoff=np.repeat(np.array(origins, np.int64) * DAY, customers),
        customer_id=np.tile(np.arange(1, customers + 1), len(origins)),
        churned=left,
        value=np.zeros(rows),
    )


def nothing(_spec: Spec, sample: Sample) -> Floats:
    return np.zeros(len(sample))


@pytest.fixture(scope="module")
def sample() -> Sample:
    return drawn()


@pytest.fixture(scope="module")
def grown(sample: Sample) -> Grown:
    """Boosters that know different columns, each in an order of its own."""
    target = sample.churned.astype(np.float64)
    found: Grown = []
    for codes, shape in (
        (CODES, Shape(3, 12)),
        (("net_spend", "visits"), Shape(2, 7)),
        (("odd", "rhythm_absence", "net_spend"), Shape(4, 5)),
    ):
        rows = Rows(codes, sample.matrix(codes), target, nothing(TREES, sample), faded(sample))
        found.append((codes, boost(TASK, rows, shape)))
    return found


@pytest.fixture(scope="module")
def members(sample: Sample) -> Members:
    target = sample.churned.astype(np.float64)
    curves = fit_curves(sample, ("net_spend", "odd"), target, faded(sample))
    return grow(TASK, SPECS, SHAPES, sample, target, nothing, curves)


def places(grown: Grown) -> list[tuple[int, int]]:
    ends = np.cumsum([0, *(booster.num_boosted_rounds() for _, booster in grown)])
    return list(itertools.pairwise(ends.tolist()))


def test_each_part_of_a_gathered_booster_answers_as_it_did_alone(
    sample: Sample, grown: Grown
) -> None:
    whole, matrix = gather(grown, CODES), sample.matrix(CODES)
    for (codes, booster), (first, last) in zip(grown, places(grown), strict=True):
        np.testing.assert_array_equal(
            margins(whole, matrix, first, last), margins(booster, sample.matrix(codes))
        )


def test_each_part_of_a_gathered_booster_is_explained_as_it_was_alone(
    sample: Sample, grown: Grown
) -> None:
    whole, matrix = gather(grown, CODES), sample.matrix(CODES)
    for (codes, booster), (first, last) in zip(grown, places(grown), strict=True):
        ours = contributions(whole, matrix, first, last)
        alone = contributions(booster, sample.matrix(codes))
        known = [CODES.index(code) for code in codes]
        np.testing.assert_allclose(ours[:, [*known, -1]], alone, rtol=0, atol=1e-6)
        assert not np.delete(ours, [*known, len(CODES)], axis=1).any()
        np.testing.assert_allclose(
            ours.sum(axis=1), margins(whole, matrix, first, last), rtol=0, atol=1e-9
        )


def test_a_gathered_booster_is_the_same_after_its_file(sample: Sample, grown: Grown) -> None:
    whole, matrix = gather(grown, CODES), sample.matrix(CODES)
    data = to_bytes(whole)
    again = from_bytes(data, threads=1)
    assert to_bytes(again) == data
    for first, last in [(0, 0), *places(grown)]:
        np.testing.assert_array_equal(
            margins(again, matrix, first, last), margins(whole, matrix, first, last)
        )
        np.testing.assert_array_equal(
            contributions(again, matrix, first, last), contributions(whole, matrix, first, last)
        )


def test_what_is_no_booster_is_named() -> None:
    with pytest.raises(BadModel, match="train it again"):
        from_bytes(b"not trees", threads=1)


def test_of_nobody_there_are_no_effects_but_all_columns(grown: Grown) -> None:
    empty = np.zeros((0, len(CODES)), np.float32)
    assert contributions(gather(grown, CODES), empty, 0, 12).shape == (0, len(CODES) + 1)


def test_members_answer_in_the_order_of_their_names(sample: Sample, members: Members) -> None:
    assert members.names == ("trees", "core", "residual", "curves", "rhythm")
    assert members.rhythmic() == (False, False, True, False, True)
    assert [(grove.first, grove.last) for grove in members.groves] == [(0, 12), (12, 19), (19, 24)]

    def base(spec: Spec, rows: Sample) -> Floats:
        return np.full(len(rows), 10.0 if spec.on_rhythm else 1.0)

    rhythm = np.linspace(-1, 1, len(sample))
    plain, moved = members.margins(sample, nothing, rhythm), members.margins(sample, base, rhythm)
    assert plain.shape == (len(sample), 5)
    np.testing.assert_array_equal(plain[:, 4], rhythm)
    assert members.curves is not None
    np.testing.assert_array_equal(plain[:, 3], members.curves.margins(sample))
    np.testing.assert_allclose(
        moved - plain, np.tile([1.0, 1.0, 10.0, 0.0, 0.0], (len(sample), 1)), atol=1e-12
    )


def test_core_members_know_only_what_keeps_its_meaning(sample: Sample, members: Members) -> None:
    assert CORE_TREES.codes(sample) == ("rhythm_absence", "net_spend", "purchase_days")
    assert TREES.codes(sample) == CODES
    _, core, residual, drawn_lines, rhythm = members.effects(sample)
    for table in (core, residual):
        assert not table[:, [CODES.index("visits"), CODES.index("odd")]].any()
        assert table[:, CODES.index("net_spend")].any()
    assert drawn_lines[:, CODES.index("odd")].any()
    assert not rhythm.any()


def test_how_far_one_looks_is_nobodys_reason() -> None:
    mixed = drawn(customers=800)
    days = np.where(np.arange(len(mixed)) % 2, 30.0, 60.0)
    mixed.values[:, CODES.index(HORIZON)] = days
    target = (days == 30.0).astype(np.float64)
    grown = grow(TASK, (TREES,), {"trees": Shape(2, 10)}, mixed, target, nothing, None)
    assert np.ptp(grown.margins(mixed, nothing, np.zeros(len(mixed)))[:, 0]) > 0.5
    assert not grown.effects(mixed)[0][:, CODES.index(HORIZON)].any()


def test_members_are_the_same_after_their_document(sample: Sample, members: Members) -> None:
    document: dict[str, Any] = json.loads(json.dumps(members.to_document()))
    again = Members.from_document(document, to_bytes(members.booster), threads=1)
    assert (again.codes, again.groves, again.curves) == (
        members.codes,
        members.groves,
        members.curves,
    )
    rhythm = np.zeros(len(sample))
    np.testing.assert_array_equal(
        again.margins(sample, nothing, rhythm), members.margins(sample, nothing, rhythm)
    )
    bare = Members(members.booster, members.codes, members.groves, None)
    assert Members.from_document(bare.to_document(), to_bytes(bare.booster), 1).names == (
        "trees", "core", "residual", "rhythm",
    )  # fmt: skip


def test_more_of_what_is_good_never_makes_it_worse(sample: Sample, members: Members) -> None:
    place = CODES.index("net_spend")
    richer = drawn()
    richer.values[:, place] += 1.0
    zeros = np.zeros(len(sample))
    gain = members.margins(richer, nothing, zeros) - members.margins(sample, nothing, zeros)
    assert gain[:, :3].max() <= 1e-6


def test_folds_judge_an_origin_by_what_had_closed_before_it(sample: Sample) -> None:
    found = folds(sample)
    assert [sample.cutoff[valid].min() // DAY for _, valid in found] == [80, 40]
    for train_rows, valid in found:
        assert train_rows.any()
        assert sample.cutoff[train_rows].max() + 30 * DAY <= sample.cutoff[valid].min()
        assert np.ptp(sample.cutoff[valid]) == 0


def test_where_windows_overlap_folds_are_halves_of_the_customers() -> None:
    close = drawn(origins=(0, 20))
    for found in (folds(close), folds(drawn(), most=0)):
        assert len(found) == 2
        rows = close if len(found[0][0]) == len(close) else drawn()
        for train_rows, valid in found:
            assert not set(rows.customer_id[train_rows]) & set(rows.customer_id[valid])
            assert (train_rows ^ valid).all()
            assert train_rows.mean() == pytest.approx(0.5, abs=0.1)


def test_older_origins_weigh_less() -> None:
    weights = faded(drawn(customers=1, origins=(0, int(HALF_LIFE_DAYS))))
    assert weights.tolist() == [0.5, 1.0]


def test_shapes_are_chosen_within_their_bounds_whatever_the_threads(sample: Sample) -> None:
    target = sample.churned.astype(np.float64)
    shapes = choose_shapes(TASK, SPECS, sample, target, nothing)
    assert set(shapes) == {"trees", "core", "residual"}
    assert all(MIN_ROUNDS <= shape.rounds <= MAX_ROUNDS for shape in shapes.values())
    assert shapes["core"].depth == 3
    two = Task("binary:logistic", "logloss", {}, 0.5, {"net_spend": -1}, seed=3, threads=2)
    assert choose_shapes(two, SPECS, sample, target, nothing) == shapes


def test_noise_is_given_up_early_and_a_pattern_is_not(sample: Sample) -> None:
    random = np.random.default_rng(2)
    weight, parts = faded(sample), folds(sample)
    rounds = []
    for target in (random.random(len(sample)) < 0.5, sample.column("visits") > 0.3):
        rows = Rows(CODES, sample.values, target.astype(np.float64), nothing(TREES, sample), weight)
        rounds.append(tune(TASK, rows, parts, (2,)).rounds)
    assert rounds[0] < 40 < 100 < rounds[1]
