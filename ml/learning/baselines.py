"""What people use today, fitted as they would: what every model of ours has to beat.

Each sees the same teachers and the same customers as ours does. `teachers` and `judged` are
extended by their habits (`ml.btyd.Habit.extend`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import xgboost as xgb
from scipy.special import expit

from ml.btyd import Histories, PurchaseModel, fit_rhythm, fit_spend
from ml.calibration import fit_platt
from ml.curves import fit_curves
from ml.errors import FitFailed
from ml.feature_catalogue import WINDOWS_DAYS
from ml.learning.levels import VARIANCE_POWER
from ml.members import HORIZON
from ml.sample import Floats, Sample

RFM = ("recency_days", "purchase_days", "net_spend")
_TREES = {"max_depth": 4, "eta": 0.1, "tree_method": "hist", "verbosity": 0}
_ROUNDS = 100
_TIMINGS: Mapping[str, Callable[[Histories], PurchaseModel]] = {
    "bg_nbd": partial(fit_rhythm, kind="bg"),
    "mbg_nbd": partial(fit_rhythm, kind="mbg"),
}


def churn_baselines(teachers: Sample, judged: Sample, *, quick: bool = False) -> dict[str, Floats]:
    """Probabilities of churn by method; `quick` leaves out those that take their time."""
    happened = teachers.churned.astype(np.float64)
    recency = fit_platt(np.log1p(teachers.column("recency_days")), happened)
    found = {
        "base_rate": np.full(len(judged), happened.mean()),
        "recency": np.asarray(
            expit(recency.apply(np.log1p(judged.column("recency_days")))), np.float64
        ),
        "pareto_nbd": judged.column("rhythm_absence"),
    }
    if quick:
        return found
    seen, horizon_days = Histories.of(judged), float(judged.column(HORIZON)[0])
    found |= {name: model.absence(seen, horizon_days) for name, model in _timings(seen).items()}
    curves = fit_curves(teachers, RFM, happened, np.ones(len(teachers)))
    found["rfm_logistic"] = np.asarray(expit(curves.margins(judged)), np.float64)
    objective = {"objective": "binary:logistic"}
    found["xgboost"] = _boosted(objective, teachers, happened, judged)
    return found


def value_baselines(
    teachers: Sample, judged: Sample, margin_share: float, *, quick: bool = False
) -> dict[str, Floats]:
    """Expected values in minor units by method, before discounting."""
    horizon_days = float(judged.column(HORIZON)[0])
    window = min(WINDOWS_DAYS, key=lambda days: abs(days - horizon_days))
    recent = judged.column(f"spend_{window}d") * margin_share
    rate = teachers.value.sum() / teachers.column(HORIZON).sum()
    found = {
        "mean": np.full(len(judged), rate * horizon_days),
        "last_period": np.maximum(recent, 0.0) * horizon_days / window,
        "pareto_nbd": judged.column("rhythm_value"),
    }
    if quick:
        return found
    seen, days = Histories.of(judged), judged.column("purchase_days")
    mean = judged.column("net_spend") / days
    if (mean > 0).any():
        basket = fit_spend(mean, days).expected(mean, days) * margin_share
        found |= {
            name: model.expected_days(seen, horizon_days) * basket
            for name, model in _timings(seen).items()
        }
    daily = teachers.value / teachers.column(HORIZON)
    unit = float(daily.mean())
    if not unit:
        # Of nothing but zeros the Tweedie loss has no minimum.
        return found | {"xgboost": np.zeros(len(judged))}
    objective = {"objective": "reg:tweedie", "tweedie_variance_power": VARIANCE_POWER}
    found["xgboost"] = _boosted(objective, teachers, daily / unit, judged) * unit * horizon_days
    return found


def newest(teachers: Sample) -> Sample:
    """The teachers that look furthest ahead: methods that know no other horizon learn from them."""
    return teachers.where(teachers.column(HORIZON) == teachers.column(HORIZON).max())


def _timings(seen: Histories) -> dict[str, PurchaseModel]:
    fitted: dict[str, PurchaseModel] = {}
    for name, fit in _TIMINGS.items():
        try:
            fitted[name] = fit(seen)
        except FitFailed:
            continue
    return fitted


def _boosted(
    objective: Mapping[str, object], teachers: Sample, target: Floats, judged: Sample
) -> Floats:
    codes = tuple(code for code in teachers.codes if not code.startswith("rhythm_"))
    booster = xgb.train(
        {**_TREES, **objective, "seed": 0, "nthread": 1},
        xgb.DMatrix(teachers.matrix(codes), target, nthread=1),
        _ROUNDS,
    )
    return np.asarray(booster.predict(xgb.DMatrix(judged.matrix(codes))), np.float64)
