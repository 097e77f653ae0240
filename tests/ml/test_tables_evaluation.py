"""Cross-validation against what people use, the draw of the blend, and terms that see no label."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from ml.tables import LabelledTable, read_table
from ml.tables.baselines import BASELINES
from ml.tables.blend import error, learn_mix
from ml.tables.columns import Column
from ml.tables.evaluation import OURS, TableEvaluation, cross_validate
from ml.tables.linear import Basis, Linear, fit_ridge
from ml.tables.terms import Term, find_terms, matrix_of, spread, training_matrix
from ml.tables.training import grouped_folds


@pytest.fixture(scope="module")
def data() -> LabelledTable:
    rng = np.random.default_rng(11)
    values, left = make_classification(
        500, 8, n_informative=5, n_redundant=1, weights=[0.7], class_sep=0.8, random_state=5
    )
    values[rng.random(values.shape) < 0.05] = np.nan
    columns = {
        f"amount_{letter}": pa.array(own) for letter, own in zip("abcdefgh", values.T, strict=True)
    }
    return read_table(pa.table({**columns, "left": left}), label="left")


@pytest.fixture(scope="module")
def evaluation(data: LabelledTable) -> TableEvaluation:
    return cross_validate(data, folds=2, seed=9, seconds=0.0)


def test_every_method_is_judged_on_the_same_unseen_rows(
    data: LabelledTable, evaluation: TableEvaluation
) -> None:
    parts = StratifiedKFold(2, shuffle=True, random_state=9).split(data.values, data.target)
    for number, (_, test) in enumerate(parts):
        assert np.flatnonzero(evaluation.fold == number).tolist() == test.tolist()
    assert set(evaluation.metrics) == set(evaluation.probabilities) == {OURS, *BASELINES}
    assert len(evaluation.members) == 2
    probability = evaluation.probabilities[OURS]
    folds = [evaluation.fold == number for number in range(2)]
    aucs = [roc_auc_score(data.target[rows], probability[rows]) for rows in folds]
    losses = [log_loss(data.target[rows], probability[rows]) for rows in folds]
    assert evaluation.metrics[OURS]["auc"] == pytest.approx(np.mean(aucs))
    assert evaluation.metrics[OURS]["log_loss"] == pytest.approx(np.mean(losses))


def test_ours_is_better_than_knowing_nothing_and_than_straight_lines(
    evaluation: TableEvaluation,
) -> None:
    ours, nothing = evaluation.metrics[OURS], evaluation.metrics["base rate"]
    assert nothing["auc"] == 0.5
    assert ours["auc"] > evaluation.metrics["logistic regression"]["auc"]
    assert ours["log_loss"] < evaluation.metrics["logistic regression"]["log_loss"]
    assert ours["log_loss"] < nothing["log_loss"]
    assert evaluation.column_auc.keys() == {f"amount_{letter}" for letter in "abcdefgh"}


def test_equal_rows_stay_in_one_fold() -> None:
    rng = np.random.default_rng(11)
    values = rng.integers(0, 6, (300, 2)).astype(float)
    values[values[:, 0] == 0, 1] = np.nan
    folds = grouped_folds(values, rng.random(300) < 0.4, 5, seed=0)
    assert sorted(np.concatenate(folds)) == list(range(300))
    seen = [{tuple(np.nan_to_num(row, nan=-9)) for row in values[rows]} for rows in folds]
    assert all(not a & b for place, a in enumerate(seen) for b in seen[place + 1 :])


def test_the_blend_takes_what_helps_and_leaves_noise() -> None:
    rng = np.random.default_rng(11)
    truth = rng.normal(size=4000)
    churned = rng.random(4000) < 1 / (1 + np.exp(-truth))
    first, second = (truth + rng.normal(0, 0.7, 4000) for _ in range(2))
    noise = rng.normal(size=4000)
    scores = np.column_stack([first, noise, second])
    mix = learn_mix(scores, churned, seed=0)
    assert mix.weights[1] == 0.0
    assert min(mix.weights[[0, 2]]) > 0.2
    mixed = scores @ mix.weights + mix.intercept
    assert error(mixed, churned) < min(error(first, churned), error(second, churned))


def test_the_blend_corrects_members_that_are_too_sure() -> None:
    rng = np.random.default_rng(11)
    truth = rng.normal(size=4000)
    churned = rng.random(4000) < 1 / (1 + np.exp(-truth))
    mix = learn_mix((3.0 * truth + 1.0)[:, None], churned, seed=0)
    assert mix.weights[0] == pytest.approx(1 / 3, abs=0.05)
    assert mix.intercept == pytest.approx(-1 / 3, abs=0.1)


def test_the_regression_finds_a_known_line_and_a_bend() -> None:
    rng = np.random.default_rng(11)
    values = rng.uniform(-2, 2, (20_000, 2))
    truth = 1.5 * values[:, 0] - 2.0 * np.abs(values[:, 1]) + 0.5
    churned = rng.random(20_000) < 1 / (1 + np.exp(-truth))
    basis = Basis.fit((True, True), values)
    model = Linear(basis, fit_ridge(basis.design(values), churned, 0.3))
    assert np.abs(model.log_odds(values) - truth).mean() < 0.15
    np.testing.assert_allclose(model.effects(values).sum(axis=1), model.log_odds(values))


def test_a_rate_of_a_choice_comes_from_other_rows() -> None:
    rng = np.random.default_rng(11)
    column = Column("city", "choice", tuple(f"c{number:03d}" for number in range(300)))
    values = rng.integers(0, 300, (900, 1)).astype(float)
    churned = rng.random(900) < 0.5
    terms = find_terms([column], values, churned)
    (place,) = [at for at, term in enumerate(terms) if term.kind == "rate"]
    inside = matrix_of(terms, values)[:, place]
    outside = training_matrix(terms, [column], values, churned, seed=0)[:, place]
    assert roc_auc_score(churned, inside) > 0.75
    assert abs(roc_auc_score(churned, outside) - 0.5) < 0.08


def test_numbers_whose_names_share_a_word_are_summed_and_share_the_effect() -> None:
    columns = [Column(name, "number") for name in ("DayCharge", "night_charge", "age_of_plan")]
    values = np.array([[3.0, 4.0, 1.0], [9.0, np.nan, 1.0], [np.nan, np.nan, 1.0]])
    terms = find_terms(columns, values, np.array([True, False, True]))
    (total,) = [term for term in terms if term.kind == "sum"]
    assert total.parents == (0, 1)
    assert total.of(values)[:2].tolist() == [7.0, 9.0]
    assert np.isnan(total.of(values)[2])
    shared = spread([total], np.array([[6.0], [6.0], [6.0]]), values, np.array([2.0, 2.0, 0.0]), 3)
    np.testing.assert_allclose(shared, [[2.0, 4.0, 0.0], [6.0, 0.0, 0.0], [3.0, 3.0, 0.0]])


def test_terms_survive_being_saved() -> None:
    rng = np.random.default_rng(11)
    columns = [Column("a", "number"), Column("b", "choice", tuple("pqrstuvwxyzabcd"))]
    values = np.column_stack([rng.normal(size=400), rng.integers(0, 15, 400)])
    values[0] = np.nan
    terms = find_terms(columns, values, rng.random(400) < 0.5)
    again = tuple(Term.from_document(term.to_document()) for term in terms)
    assert again == terms
    assert {term.kind for term in terms} == {"value", "missing", "is", "rate", "size"}
