"""Classes of everyone, the profiles that publish them, and who changed class."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from api.columns import Columns, aligned, objects, profile_measures
from api.deciding.occasion import Deciding
from api.domain.classes._old import Classification, LifecycleRule, classify

CLASSIFICATIONS = ("rfm_group", "abc_class", "lifecycle_stage")


def decide_classes(deciding: Deciding) -> None:
    """Add the classes to the columns."""
    lifecycle = LifecycleRule(deciding.occasion.churn_horizon_days)
    deciding.columns |= classify(deciding.columns, Classification(lifecycle)).columns


def published_classes(deciding: Deciding) -> Columns:
    """The classes before this day; `known` is 1 for who had a profile."""
    table, ids = deciding.population.profiles, deciding.ids
    keys = table["customer_id"].to_numpy()
    return {
        name: aligned(ids, keys, objects(table[name]), None)
        for name in (*CLASSIFICATIONS, "lifecycle_since")
    } | {"known": aligned(ids, keys, np.ones(len(keys)), np.nan)}


def profiles(deciding: Deciding, before: Columns) -> pa.Table:
    columns, ids, occasion = deciding.columns, deciding.ids, deciding.occasion
    same_stage = before["lifecycle_stage"] == columns["lifecycle_stage"]
    since = np.where(same_stage, before["lifecycle_since"], occasion.as_of.isoformat())
    scores = ("r_score", "f_score", "m_score")
    return pa.table(
        {
            "customer_id": ids,
            **profile_measures(columns),
            **{name: pa.array(columns[name], from_pandas=True).cast(pa.int64()) for name in scores},
            **{name: pa.array(columns[name], type=pa.string()) for name in CLASSIFICATIONS},
            "lifecycle_since": pa.array(since, type=pa.string()).cast(pa.date32()),
            "as_of": occasion.day_column(len(ids)),
        }
    )


def class_changes(deciding: Deciding, before: Columns) -> pa.Table:
    """Who had a profile and is in another class now; nobody at the first refresh."""
    columns, ids, occasion = deciding.columns, deciding.ids, deciding.occasion
    parts = []
    for name in CLASSIFICATIONS:
        changed = (before["known"] == 1) & (before[name] != columns[name])
        rows = int(changed.sum())
        parts.append(
            pa.table(
                {
                    "customer_id": pa.array(ids[changed], type=pa.int64()),
                    "classification": pa.repeat(name, rows),
                    "changed_on": occasion.day_column(rows),
                    "previous": pa.array(before[name][changed], type=pa.string()),
                    "current": pa.array(columns[name][changed], type=pa.string()),
                }
            )
        )
    return pa.concat_tables(parts)
