"""What drives churn in parts of the customers, and what sets two parts apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from api.db.mining import members_of
from api.errors import InvalidInput
from api.mining import Mine, Row

if TYPE_CHECKING:
    from ml.mining.difference_sql import What

BY = ("group", "tier", "segment", "lifecycle")
"""What may divide customers; checked where it is read: callers hand on what they got."""


def churn_drivers(mine: Mine, by: str, *, top: int) -> list[Row]:
    """What drives churn in each part of the customers more than in the rest."""
    import numpy as np

    from ml.mining.drivers import drivers

    model, sample = mine.model_and_sample()
    extended = model.habit.extend(sample, model.horizon_days)
    members = {key: np.isin(sample.customer_id, ids) for key, ids in _members(mine, by).items()}
    found = drivers(
        model.effects(extended), model.codes, extended.matrix(model.codes), members, top
    )
    return [
        {
            by: segment.segment,
            "customers": segment.customers,
            "feature": driver.code,
            "label": driver.label(mine.language),
            "strength": driver.strength,
            "effect": driver.effect,
            "inside": driver.inside,
            "outside": driver.outside,
            "text": driver.text(mine.language, mine.currency_exponent),
        }
        for segment in found
        for driver in segment.drivers
    ]


def group_differences(
    mine: Mine,
    by: str,
    ours: str,
    theirs: str | None,
    *,
    what: str,
    top: int,
) -> list[Row]:
    """What sets one part of the customers apart from another, or from all others."""
    import numpy as np

    from ml.mining.differences import differences

    kind = _kind(what)
    members = _named(_members(mine, by), by, ours, theirs)
    others = members[theirs] if theirs else list(mine.names)
    found = differences(
        mine.settings.fact_store,
        cutoff=mine.cutoff,
        inside=np.array(members[ours], np.int64),
        outside=np.array(others, np.int64),
        what=kind,
        top=top,
        threads=mine.threads,
    )
    return [
        {
            what: _name(mine, each.value),
            "share": each.support_inside,
            "share_of_others": each.support_outside,
            "lift": each.lift,
            "z": each.z,
        }
        for each in found
    ]


def bought_together(mine: Mine, by: str, ours: str, *, what: str, top: int) -> list[Row]:
    """What one part of the customers buys in one order more often than chance."""
    import numpy as np

    from ml.mining.differences import associations

    kind = _kind(what)
    members = _named(_members(mine, by), by, ours)
    found = associations(
        mine.settings.fact_store,
        cutoff=mine.cutoff,
        inside=np.array(members[ours], np.int64),
        what=kind,
        top=top,
        threads=mine.threads,
    )
    return [
        {
            what: _name(mine, each.first),
            "with": _name(mine, each.second),
            "support": each.support,
            "confidence": each.confidence,
            "lift": each.lift,
        }
        for each in found
    ]


def _kind(what: str) -> What:
    match what:
        case "department" | "brand" | "product":
            return what
        case _:
            raise InvalidInput(f"--what is department, brand or product, not {what!r}.")


def _name(mine: Mine, value: str | int) -> str:
    return mine.product_names[value][1] if isinstance(value, int) else value


def _named(
    members: Mapping[str, Sequence[int]], by: str, *keys: str | None
) -> Mapping[str, Sequence[int]]:
    for key in filter(None, keys):
        if key not in members:
            known = ", ".join(members) or "none yet"
            raise InvalidInput(f"There is no {by} {key!r}. There are: {known}.")
    return members


def _members(mine: Mine, by: str) -> Mapping[str, Sequence[int]]:
    match by:
        case "tier" | "segment" | "lifecycle":
            return members_of(mine.engine, by)
        case "group":
            pass
        case _:
            raise InvalidInput(f"--by is one of {', '.join(BY)}, not {by!r}.")
    found: dict[str, list[int]] = {}
    for customer, key in mine.groups(count=None, seed=0).members.items():
        found.setdefault(key, []).append(customer)
    return dict(sorted(found.items()))
