"""What people use today on such tables, each with the settings it comes with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from ml.sample import Floats
from ml.tables.columns import Column
from ml.tables.terms import Bools, Term, matrix_of

SURE = 1e-4
"""No baseline is held to a probability nearer to certainty: a forest says 0 easily."""
MIN_CHOICE_ROWS = 5


def plain_matrix(columns: Sequence[Column], train: Floats, rows: Floats) -> Floats:
    """Numbers as they are and a column for each choice that occurs: what people feed models."""
    terms: list[Term] = []
    for place, column in enumerate(columns):
        if column.kind != "choice":
            terms.append(Term("value", (place,)))
            continue
        for choice in range(len(column.choices)):
            if (train[:, place] == choice).sum() >= MIN_CHOICE_ROWS:
                terms.append(Term("is", (place,), choice))
    return matrix_of(terms, rows)


def _logistic() -> Any:
    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )


BASELINES: Mapping[str, Callable[[int, int], Any]] = MappingProxyType(
    {
        "base rate": lambda _seed, _threads: DummyClassifier(),
        "logistic regression": lambda _seed, _threads: _logistic(),
        "xgboost": lambda seed, threads: xgb.XGBClassifier(random_state=seed, n_jobs=threads),
        "random forest": lambda seed, threads: RandomForestClassifier(
            n_estimators=300, random_state=seed, n_jobs=threads
        ),
        "gradient boosting": lambda seed, _threads: HistGradientBoostingClassifier(
            random_state=seed
        ),
    }
)
"""Estimators by seed and threads. The last is scikit-learn's histogram boosting, which works as
LightGBM does."""


def baseline_probabilities(
    name: str, train: Floats, churned: Bools, test: Floats, *, seed: int, threads: int
) -> Floats:
    model = BASELINES[name](seed, threads)
    # Threads that share one boosting wait for each other, which on a busy machine takes for ever.
    with warnings.catch_warnings(), threadpool_limits(threads, "openmp"):
        # As far as it came in so many steps is what its users get.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, churned.astype(np.int64))
    return np.clip(np.asarray(model.predict_proba(test)[:, 1], np.float64), SURE, 1.0 - SURE)
