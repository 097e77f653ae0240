"""A policy tried on past months, one after the other, as refreshes would have decided them.

Past months are replayed with today's models: what they would have said of the facts of then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns
from api.domain.fields import Field
from api.domain.simulation.flapping import UNKNOWN, Flapping, flapping
from api.domain.tiers import TierPolicy
from api.domain.tiers.standings import NOWHERE, Standing

Ids = npt.NDArray[np.int64]
BELOW = -1


@dataclass(frozen=True)
class Month:
    """What customers were like at the end of a month: columns in the order of `ids`, sorted."""

    day: dt.date
    ids: Ids
    columns: Columns


@dataclass(frozen=True)
class Replay:
    """What a policy does over months, and what it would do without bands and grace."""

    held: Flapping
    naive: Flapping
    tiers: tuple[npt.NDArray[np.object_], ...]
    """By month, in the order of that month's ids."""


def replay(policy: TierPolicy, months: Sequence[Month]) -> Replay:
    """Decide month after month, each standing on the one before."""
    everyone = np.unique(np.concatenate([month.ids for month in months])) if months else _NOBODY
    codes = {tier.key: tier.place for tier in policy.document.tiers}
    stood = _Stood.nowhere(len(everyone))
    held, naive, tiers = [], [], []
    for month in months:
        rows = np.searchsorted(everyone, month.ids)
        decisions = policy.decide(month.columns, stood.at(rows), month.day)
        stood = stood.after(rows, decisions.tiers, vars(decisions.moves))
        held.append(_placed(len(everyone), rows, decisions.tiers, codes))
        naive.append(_placed(len(everyone), rows, decisions.naive, codes))
        tiers.append(decisions.tiers)
    return Replay(flapping(held), flapping(naive), tuple(tiers))


_NOBODY: Ids = np.empty(0, dtype=np.int64)


def _placed(
    size: int, rows: Ids, tiers: npt.NDArray[np.object_], codes: Mapping[Any, int]
) -> npt.NDArray[np.int64]:
    placed = np.full(size, UNKNOWN, dtype=np.int64)
    placed[rows] = [codes.get(tier, BELOW) for tier in tiers.tolist()]
    return placed


@dataclass(frozen=True)
class _Stood:
    """Where everyone stands between two months."""

    standing: Standing

    @classmethod
    def nowhere(cls, size: int) -> _Stood:
        return cls(Standing.of(size))

    def at(self, rows: Ids) -> Standing:
        return Standing(*(column[rows] for column in vars(self.standing).values()))

    def after(self, rows: Ids, tiers: npt.NDArray[np.object_], moves: Mapping[str, Any]) -> _Stood:
        columns = {name: column.copy() for name, column in vars(self.standing).items()}
        columns["tier"][rows] = tiers
        columns["known"][rows] = True
        for name in ("since", "watch_since", "evaluated_on"):
            columns[name][rows] = moves[name]
        return _Stood(Standing(**columns))


def column_of_values(values: Sequence[Any], field: Field) -> npt.NDArray[Any]:
    """Stored values as a column of that field's kind."""
    if field.type in ("number", "money", "boolean"):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if field.type == "date":
        days = [NOWHERE if value is None else value for value in values]
        return np.array(days, dtype="datetime64[D]")
    column: npt.NDArray[np.object_] = np.array([*values, None], dtype=object)[:-1]
    return column
