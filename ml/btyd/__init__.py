"""Buy-till-you-die: how likely a customer's rhythm alone makes another purchase."""

from __future__ import annotations

from ml.btyd.habit import Habit, extend_each, fit_habit
from ml.btyd.histories import Histories
from ml.btyd.rhythm import Rhythm, fit_rhythm
from ml.btyd.spend import Spend, fit_spend

__all__ = [
    "Habit",
    "Histories",
    "Rhythm",
    "Spend",
    "extend_each",
    "fit_habit",
    "fit_rhythm",
    "fit_spend",
]
