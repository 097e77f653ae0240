"""Cells as trimmed text, and the plain types read from it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.errors import InvalidInput

TRUE = ("true", "t", "yes", "y", "1", "是")
FALSE = ("false", "f", "no", "n", "0", "否")
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
WHOLE = r"^[+-]?\d{1,18}$"


def flat(column: pa.Array | pa.ChunkedArray, name: str) -> pa.Array:
    """One contiguous array of a simple type.

    Raises:
        InvalidInput: the column holds lists or structs.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_nested(array.type):
        raise InvalidInput(f"The column {name!r} holds {array.type}; a cell must be one value.")
    return _as_utf8(array, name) if _holds_bytes(array.type) else array


def _holds_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind)) or _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_utf8(array: pa.Array, name: str) -> pa.Array:
    """Parquet doesn't check what it calls text."""
    try:
        text = array.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        raise InvalidInput(f"The column {name!r} holds bytes that are no UTF-8 text.") from None
    return text


def as_text(array: pa.Array) -> pa.Array:
    """Trimmed text, null where nothing is left; whole floats without their `.0`."""
    if pa.types.is_floating(array.type):
        return _float_text(array)
    text = pc.utf8_trim_whitespace(array.cast(pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _float_text(array: pa.Array) -> pa.Array:
    values = array.to_numpy(zero_copy_only=False).astype(np.float64)
    whole = np.isfinite(values) & (np.abs(values) < 2**53) & (values == np.floor(values))
    integers = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    text = pc.if_else(pa.array(whole), integers, array.cast(pa.string()))
    return pc.if_else(pa.array(np.isnan(values)), pa.scalar(None, pa.string()), text)


def mask(condition: pa.Array) -> np.ndarray:
    """A boolean array as numpy, nothing counting as no."""
    return np.asarray(pc.fill_null(condition, False).to_numpy(zero_copy_only=False), dtype=bool)


def is_missing(array: pa.Array) -> np.ndarray:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=bool)


def only(text: pa.Array, keep: np.ndarray) -> pa.Array:
    """The text where the mask holds, null elsewhere."""
    return pc.if_else(pa.array(keep), text, pa.scalar(None, pa.string()))


def read_numbers(array: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Floats, and a mask of the cells that hold something else."""
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        bad = np.isinf(values)
        return pa.array(np.where(bad, np.nan, values), from_pandas=True), bad
    text = as_text(array)
    good = mask(pc.match_substring_regex(text, NUMBER))
    values = only(text, good).cast(pa.float64())
    endless = mask(pc.is_inf(values))
    return pc.if_else(pa.array(endless), None, values), ~is_missing(text) & (~good | endless)


def read_integers(array: pa.Array) -> tuple[pa.Array, np.ndarray]:
    text = as_text(array)
    good = mask(pc.match_substring_regex(text, WHOLE))
    return only(pc.utf8_ltrim(text, "+"), good).cast(pa.int64()), ~is_missing(text) & ~good


def read_booleans(array: pa.Array) -> tuple[pa.Array, np.ndarray]:
    text = pc.utf8_lower(as_text(array))
    true = pc.is_in(text, pa.array(TRUE))
    good = mask(pc.or_(true, pc.is_in(text, pa.array(FALSE))))
    values = pc.if_else(pa.array(good), true, pa.scalar(None, pa.bool_()))
    return values, ~is_missing(text) & ~good
