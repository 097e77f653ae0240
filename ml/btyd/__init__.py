"""Buy-till-you-die: what the timing and the money of past purchases say about those to come."""

from __future__ import annotations

from ml.btyd.choice import Chosen, Kind, fit_or_fall_back, model_from_document
from ml.btyd.habit import Habit, fit_habit
from ml.btyd.histories import Histories
from ml.btyd.model import (
    FORESEEABLE_DAYS,
    Nbd,
    NextPurchase,
    PurchaseModel,
    fit_nbd,
    next_purchase,
)
from ml.btyd.pareto import Pareto, fit_pareto
from ml.btyd.rhythm import Rhythm, fit_rhythm
from ml.btyd.spend import Spend, fit_spend

__all__ = [
    "FORESEEABLE_DAYS",
    "Chosen",
    "Habit",
    "Histories",
    "Kind",
    "Nbd",
    "NextPurchase",
    "Pareto",
    "PurchaseModel",
    "Rhythm",
    "Spend",
    "fit_habit",
    "fit_nbd",
    "fit_or_fall_back",
    "fit_pareto",
    "fit_rhythm",
    "fit_spend",
    "model_from_document",
    "next_purchase",
]
