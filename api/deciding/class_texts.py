"""Everybody's classes as one JSON text each, and back: what `customer_profiles.classes` holds."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from api.columns import Column
from api.domain.classes import Classification, Codes

LARGEST_NUMBER = 2**62
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Values:
    """Values of a column as places in the list of different ones, -1 for none."""

    places: Places
    names: Column

    def at(self, rows: npt.NDArray[np.bool_]) -> Column:
        names = np.array([*self.names.tolist(), None], dtype=object)
        return names[self.places[rows]]


def classes_json(
    classifications: Sequence[Classification], codes: Mapping[str, Codes], rows: int
) -> pa.ChunkedArray:
    """For each customer `{"KEY": "value", ...}`, without the classifications they have no value of.

    Each combination of values is written once.
    """
    combined, first = _combinations(classifications, codes, rows)
    texts = pa.array(["{}"] * len(first), pa.string())
    if classifications and rows:
        parts: list[pa.Array] = []
        seen = np.zeros(len(first), dtype=np.int64)
        for each in classifications:
            chosen = codes[each.key][first].astype(np.int64)
            # After the first value that a customer has, a comma goes before each.
            comma = seen * len(each.values)
            parts.append(
                _fragments(each).take(pa.array(np.where(chosen < 0, 0, chosen + comma + 1)))
            )
            seen |= chosen >= 0
        texts = pc.binary_join_element_wise("{", *parts, "}", "")
    places = pa.array(combined.astype(np.int32))
    whole = pa.DictionaryArray.from_arrays(places, texts)
    return pa.chunked_array([whole], whole.type)


def _combinations(
    classifications: Sequence[Classification], codes: Mapping[str, Codes], rows: int
) -> tuple[Places, npt.NDArray[np.intp]]:
    """Each customer's combination of values, numbered, and a customer who has each."""
    combined, size = np.zeros(rows, dtype=np.int64), 1
    for each in classifications:
        values = len(each.values) + 1
        if size * values > LARGEST_NUMBER:
            combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
            size = rows
        combined = combined * values + codes[each.key] + 1
        size *= values
    _, first, numbers = np.unique(combined, return_index=True, return_inverse=True)
    return numbers.astype(np.int64), first


def _fragments(classification: Classification) -> pa.Array:
    """What a value adds to the text: nothing for none, then each value, then each with a comma."""
    key = json.dumps(classification.key)
    values = [f"{key}:{json.dumps(each.key)}" for each in classification.values]
    return pa.array(["", *values, *(f",{each}" for each in values)], pa.string())


def values_of(column: pa.ChunkedArray) -> Values:
    """The values of a column of texts."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Values(places, np.array(encoded.dictionary.to_pylist(), dtype=object))


def class_values(texts: pa.ChunkedArray, keys: Sequence[str]) -> dict[str, Values]:
    """By classification each customer's value in such texts; each combination is read once."""
    combined = values_of(texts)
    if not len(combined.names) or not keys:
        nothing = Values(np.full(len(texts), -1), np.array([], dtype=object))
        return dict.fromkeys(keys, nothing)
    lines = "\n".join(combined.names).encode()
    schema = pa.schema([(key, pa.string()) for key in keys])
    parsed = arrow_json.read_json(
        io.BytesIO(lines),
        read_options=arrow_json.ReadOptions(use_threads=False),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="ignore"
        ),
    )
    found = {}
    for key in keys:
        each = values_of(parsed[key])
        found[key] = Values(np.append(each.places, -1)[combined.places], each.names)
    return found
