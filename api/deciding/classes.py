"""Classes of everyone, the profiles that publish them, and who changed class."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from api.columns import Column, aligned, objects, profile_measures
from api.deciding.class_texts import Values, class_values, classes_json, values_of
from api.deciding.occasion import Deciding
from api.domain.classes import (
    OWN_COLUMNS,
    RFM_SCORES,
    ByHand,
    Circumstances,
    Classification,
    Classified,
    Codes,
    classify,
)
from api.domain.conditions import is_missing

NO_VALUE, NO_CODE = -1, -2


@dataclass(frozen=True)
class Before:
    """How everybody was classified before this day."""

    known: Column
    """True for who had a profile."""
    values: Mapping[str, Values]
    """By classification."""
    lifecycle_since: Column
    profiled_on: Column
    """ISO texts, None for who had no profile."""

    def moved(self, each: Classification, codes: Codes) -> npt.NDArray[np.bool_]:
        """Who had a profile and another value than these codes, or none."""
        values = self.values[each.key]
        # A value that the classification no longer has is none of its codes.
        known = [each.code_of(name) for name in values.names.tolist()]
        before = np.array([NO_CODE if code is None else code for code in known] + [NO_VALUE])
        moved: npt.NDArray[np.bool_] = self.known & (before[values.places] != codes)
        return moved


def decide_classes(deciding: Deciding) -> Classified:
    """Add the classes to the columns."""
    occasion = deciding.occasion
    classified = classify(
        deciding.classifications,
        deciding.columns,
        Circumstances(occasion.as_of, occasion.churn_horizon_days),
        _by_hand(deciding),
    )
    deciding.columns |= classified.columns
    return classified


def _by_hand(deciding: Deciding) -> dict[str, ByHand]:
    """What people set: statuses, and over them overrides; values that are no more are passed."""
    statuses = deciding.population.past_classes.statuses.rename_columns(
        ["customer_id", "classification", "value"]
    )
    overrides = deciding.population.overrides
    overrides = overrides.filter(pc.equal(overrides["kind"], "class"))
    given = {}
    for each in deciding.classifications:
        codes = np.full(len(deciding.ids), -1, dtype=np.int64)
        names = {value.key: float(place) for place, value in enumerate(each.values)}
        for table in (statuses, overrides):
            if not table.num_rows:
                continue
            rows = table.filter(pc.equal(table["classification"].cast(pa.string()), each.key))
            values = [names.get(value, np.nan) for value in rows["value"].to_pylist()]
            found = aligned(
                deciding.ids, rows["customer_id"].to_numpy(), np.array(values, float), np.nan
            )
            codes = np.where(np.isnan(found), codes, np.nan_to_num(found)).astype(np.int64)
        places = np.flatnonzero(codes >= 0)
        if len(places):
            given[each.key] = ByHand(places, codes[places].astype(np.int8))
    return given


def classes_before(deciding: Deciding) -> Before:
    """The published classes, without what an earlier refresh of the same day made of them."""
    past, ids = deciding.population.past_classes, deciding.ids
    table, keys = past.profiles, past.profiles["customer_id"].to_numpy()
    others = [each.key for each in deciding.classifications if each.key not in OWN_COLUMNS]
    found = {name: values_of(table[name]) for name in OWN_COLUMNS}
    found |= class_values(table["classes"], others)
    undone = past.undone["classification"].cast(pa.string())
    values = {
        name: _corrected(
            Values(aligned(ids, keys, each.places, NO_VALUE), each.names),
            ids,
            past.undone.filter(pc.equal(undone, name)),
        )
        for name, each in found.items()
    }
    profiled_on = aligned(ids, keys, objects(table["profiled_on"]), None)
    since = aligned(ids, keys, objects(table["lifecycle_since"]), None)
    stages = past.stages["customer_id"].to_numpy()
    first = aligned(stages, ids, profiled_on, None)
    began = objects(past.stages["began"])
    _overwrite(since, ids, stages, np.where(is_missing(began), first, began))
    known = ~is_missing(profiled_on)
    return Before(known, values, since, profiled_on)


def _corrected(values: Values, ids: Column, undone: pa.Table) -> Values:
    """With what an earlier refresh of the same day has changed put back."""
    if not undone.num_rows:
        return values
    previous = undone["previous"].to_pylist()
    names = list(dict.fromkeys([*values.names.tolist(), *(each for each in previous if each)]))
    where: dict[str | None, int] = {name: place for place, name in enumerate(names)}
    places = np.array([where.get(each, NO_VALUE) for each in previous], dtype=np.int64)
    corrected = values.places.copy()
    _overwrite(corrected, ids, undone["customer_id"].to_numpy(), places)
    return Values(corrected, np.array(names, dtype=object))


def _overwrite(column: Column, ids: Column, keys: Column, values: Column) -> None:
    """Put values in the places of the customers they are about; `ids` are sorted."""
    if not len(ids) or not len(keys):
        return
    place = np.minimum(np.searchsorted(ids, keys), len(ids) - 1)
    inside = ids[place] == keys
    column[place[inside]] = values[inside]


def profiles(deciding: Deciding, classified: Classified, before: Before) -> pa.Table:
    columns, ids, occasion = deciding.columns, deciding.ids, deciding.occasion
    today = occasion.as_of.isoformat()
    stages = next(each for each in deciding.classifications if each.key == "lifecycle_stage")
    moved = before.moved(stages, classified.codes[stages.key])
    since = np.where(before.known & ~moved, before.lifecycle_since, today)
    profiled_on = np.where(before.known, before.profiled_on, today)
    others = [each for each in deciding.classifications if each.key not in OWN_COLUMNS]
    return pa.table(
        {
            "customer_id": ids,
            **profile_measures(columns),
            **{
                name: pa.array(columns[name], from_pandas=True).cast(pa.int64())
                for name in RFM_SCORES
            },
            **{name: pa.array(columns[name], type=pa.string()) for name in OWN_COLUMNS},
            "lifecycle_since": pa.array(since, type=pa.string()).cast(pa.date32()),
            "classes": classes_json(others, classified.codes, len(ids)),
            "profiled_on": pa.array(profiled_on, type=pa.string()).cast(pa.date32()),
            "as_of": occasion.day_column(len(ids)),
        }
    )


def class_changes(deciding: Deciding, classified: Classified, before: Before) -> pa.Table:
    """Who had a profile and is in another class now.

    Nobody by a classification that decides for the first time: that is no change of customers.
    """
    ids, occasion = deciding.ids, deciding.occasion
    decided_on = {each.key: each.decided_on for each in deciding.catalogue.classes}
    parts = [NO_CHANGES]
    for each in deciding.classifications:
        began = decided_on[each.key]
        if began is None or began >= occasion.as_of:
            continue
        codes = classified.codes[each.key]
        changed = before.moved(each, codes)
        rows = int(changed.sum())
        parts.append(
            pa.table(
                {
                    "customer_id": pa.array(ids[changed], type=pa.int64()),
                    "classification": pa.repeat(each.key, rows),
                    "changed_on": occasion.day_column(rows),
                    "previous": pa.array(before.values[each.key].at(changed), type=pa.string()),
                    "current": pa.array(each.named(codes[changed]), type=pa.string()),
                }
            )
        )
    return pa.concat_tables(parts)


NO_CHANGES = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("classification", pa.string()),
        ("changed_on", pa.date32()),
        ("previous", pa.string()),
        ("current", pa.string()),
    ]
).empty_table()


def drawn(deciding: Deciding, classified: Classified) -> pa.Table:
    """By classification what was drawn, and how many customers have each value."""
    rows = {each.key: each.row_id for each in deciding.catalogue.classes}
    decided: list[Classification] = list(deciding.classifications)
    return pa.table(
        {
            "id": pa.array([rows[each.key] for each in decided], pa.int64()),
            "cutoffs": pa.array(
                [json.dumps(classified.cutoffs[each.key]) for each in decided], pa.string()
            ),
            "counts": pa.array(
                [json.dumps(classified.counts(each)) for each in decided], pa.string()
            ),
        }
    )
