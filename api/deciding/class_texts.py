"""Everybody's classes as one JSON text each, and back: what `customer_profiles.classes` holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from api.columns import Column
from api.domain.classes import Classification, Codes

ROWS_A_CHUNK = 500_000
"""So that no chunk of texts outgrows the two gigabytes that Arrow's offsets reach."""
LARGEST_NUMBER = 2**62


def classes_json(
    classifications: Sequence[Classification], codes: Mapping[str, Codes], rows: int
) -> pa.ChunkedArray:
    """For each customer `{"KEY": "value", ...}`, without the classifications they have no value of.

    Each combination of values is written once.
    """
    combined, first = _combinations(classifications, codes, rows)
    texts = pa.array(["{}"] * len(first), pa.string())
    if classifications and rows:
        parts = [_fragments(each).take(pa.array(codes[each.key][first] + 1))
                 for each in classifications]  # fmt: skip
        joined = pc.binary_join_element_wise(*parts, "")
        # Each fragment begins with a comma; the first one gives way to the brace.
        inside = pc.utf8_slice_codeunits(joined, 1)
        texts = pc.binary_join_element_wise("{", inside, "}", "")
    starts = range(0, max(rows, 1), ROWS_A_CHUNK)
    chunks = [texts.take(pa.array(combined[start : start + ROWS_A_CHUNK])) for start in starts]
    return pa.chunked_array(chunks, pa.string())


def _combinations(
    classifications: Sequence[Classification], codes: Mapping[str, Codes], rows: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.intp]]:
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
    """By code + 1 what a value adds to the text; nothing for none."""
    values = [
        f",{json.dumps(classification.key)}:{json.dumps(each.key)}"
        for each in classification.values
    ]
    return pa.array(["", *values], pa.string())


def class_values(texts: pa.ChunkedArray, keys: Sequence[str]) -> dict[str, Column]:
    """By classification each customer's value in such texts, None where there is none."""
    encoded = texts.cast(pa.string()).combine_chunks().dictionary_encode()
    known = [json.loads(text) for text in encoded.dictionary.to_pylist()]
    places = encoded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
    return {
        key: np.array([*(each.get(key) for each in known), None], dtype=object)[places]
        for key in keys
    }
