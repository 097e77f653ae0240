"""Rolling origins: on which past days the same customers are looked at, and how far ahead.

An origin is a cut-off with a window after it that had closed by the cut-off that is learned for.
Where few windows of the wanted length fit into the history, shorter ones teach as well: rhythm
features and offsets carry what was learned from one length to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ml.contracts import DAY, day_of
from ml.errors import NotEnoughHistory

MAX_ORIGINS = 10
ENOUGH_ORIGINS = 4
"""From so many windows of the wanted length on, shorter ones are left out."""
SEASONED_DAYS = 84
"""What an origin should have behind it, so that trends can be seen; half a horizon will do."""
LEAST_BEHIND_DAYS = 14
LEAST_HISTORY_DAYS = 28
SHORTER = (0.5, 0.75)
"""Lengths of the shorter windows, as parts of the horizon."""
STRETCHED = (0.3, 0.4, 0.5)
"""The same as parts of the history, where not a single window of the wanted length fits."""


class Origin(NamedTuple):
    cutoff: int
    horizon_days: int

    @property
    def closes_at(self) -> int:
        return self.cutoff + self.horizon_days * DAY


@dataclass(frozen=True)
class Plan:
    """What teaches a model for `target`; the latest comes first."""

    target: Origin
    teachers: tuple[Origin, ...]

    @property
    def extrapolated(self) -> bool:
        """Whether no window as long as the wanted one was ever seen to its end."""
        return all(origin.horizon_days < self.target.horizon_days for origin in self.teachers)

    @property
    def proof(self) -> Origin:
        """The latest window on which a model learned before it can be judged."""
        whole = [o for o in self.teachers if o.horizon_days == self.target.horizon_days]
        return whole[0] if whole else self.teachers[-1]


def plan(first_at: int, target: Origin, time_zone: str = "UTC") -> Plan:
    """Choose origins for a target; `first_at` is the moment of the first purchase.

    Raises:
        NotEnoughHistory: there is less than a month of purchases before the target.
    """
    cutoff, horizon_days = target
    history_days = (cutoff - first_at) // DAY
    if history_days < LEAST_HISTORY_DAYS:
        raise NotEnoughHistory(
            f"A prediction needs {LEAST_HISTORY_DAYS} days of purchases up to "
            f"{day_of(cutoff - 1, time_zone)}; the first one is of {day_of(first_at, time_zone)}. "
            "Choose a later day, or add older purchases."
        )
    behind = max(LEAST_BEHIND_DAYS, min(horizon_days // 2, SEASONED_DAYS))
    step = max(horizon_days // 2, min(horizon_days, LEAST_HISTORY_DAYS))
    whole = range(horizon_days, history_days - behind + 1, step)
    windows = [(offset, horizon_days) for offset in whole][:MAX_ORIGINS]
    if not windows:
        windows = [(int(part * history_days),) * 2 for part in STRETCHED]
    elif len(windows) < ENOUGH_ORIGINS:
        shorter = [int(part * horizon_days) for part in SHORTER]
        windows += [(days, days) for days in shorter if history_days >= 2 * days >= 2 * behind]
    return Plan(target, tuple(Origin(cutoff - offset * DAY, days) for offset, days in windows))
