"""The amounts of a log, however they are written, as exact whole minor units.

Whether 1.234 is a thousand or little more than one is decided over the whole column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.errors import BadLog
from ml.logs.time_texts import shape_of
from ml.logs.times import as_words, nulls

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$"
GROUPED = r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$"
COMMA = r"^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)?(?:,\d+)?$"
_ONLY_COMMA = r",\d{1,2}$|,\d{4,}$|\..*,|\..*\."
"""What can only be a decimal comma: no group of three follows it, or dots part the groups."""
_CODES = "(?i:usd|eur|gbp|chf|cny|rmb|jpy)"
_WRAPPING = rf"[\s\x{{00A0}}\x{{202F}}'’$€£¥₹]|^{_CODES}|{_CODES}$"
LEAST_EXPONENT, MOST_EXPONENT = 2, 8
LARGEST_MINOR = 10**13
LARGEST = 1e11
"""Far above any purchase: what is larger is a placeholder or a mistake."""
_TOLERANCE = 1e-4
"""Of a minor unit: what binary floats lose on the way."""
_USUAL_EXPONENT = 4


@dataclass(frozen=True)
class Amounts:
    """Aligned with the column."""

    minor: Ints
    """Amounts times 10 to the `exponent`; of no meaning where not `known`."""
    exponent: int
    known: Mask
    missing: Mask
    notes: tuple[str, ...] = ()


def read_amounts(column: pa.Array, name: str) -> Amounts:
    """Read a column of amounts; as many decimals are kept as they have.

    Raises:
        BadLog: the column holds no amounts.
    """
    missing, kind = nulls(column), column.type
    notes: tuple[str, ...] = ()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        missing = missing | np.isnan(values)
    else:
        text = as_words(column, name)
        missing = nulls(text)
        values, notes = _from_text(text, name)
    known = np.isfinite(values) & (np.abs(np.where(np.isfinite(values), values, 0)) < LARGEST)
    if not known.any():
        which = "no amount" if missing.all() else f"no amount below {LARGEST:,.0f}"
        raise BadLog(f"The column {name!r} holds {which} in any row.")
    values = np.where(known, values, 0.0)
    exponent = _exponent(values)
    minor = np.rint(values * 10**exponent).astype(np.int64)
    return Amounts(minor, exponent, known, missing, notes)


def _from_text(text: pa.Array, name: str) -> tuple[Floats, tuple[str, ...]]:
    """Numbers, NaN where there is none, and what was assumed."""
    clean = pc.replace_substring_regex(text, _WRAPPING, "")
    # Accountants write what is owed in brackets, some systems with the minus at the end.
    clean = pc.replace_substring_regex(clean, r"^\((.+)\)$", r"-\1")
    clean = pc.replace_substring_regex(clean, r"^([^-].*)-$", r"-\1")
    comma = _holds(clean, COMMA) & _holds(clean, _ONLY_COMMA)
    point = _holds(clean, PLAIN) & _holds(clean, r"\.") | _holds(clean, GROUPED)
    notes: tuple[str, ...] = ()
    if comma.sum() > point.sum():
        fits = _holds(clean, COMMA) & ~_holds(clean, r"^[+-]?$")
        clean = pc.replace_substring(pc.replace_substring(clean, ".", ""), ",", ".")
        notes = (f"The amounts in {name!r} are read with a decimal comma.",)
    else:
        fits = _holds(clean, PLAIN) | _holds(clean, GROUPED)
        clean = pc.replace_substring(clean, ",", "")
    if not fits.any() and len(seen := text.drop_null()):
        raise BadLog(
            f"The column {name!r} holds no amounts that can be read: they look like "
            f"{shape_of(seen[0].as_py())} (9 for a digit, a for a letter)."
        )
    numbers = pc.if_else(pa.array(fits), clean, pa.scalar(None, pa.string())).cast(pa.float64())
    return numbers.to_numpy(zero_copy_only=False), notes


def _holds(text: pa.Array, pattern: str) -> Mask:
    found = pc.fill_null(pc.match_substring_regex(text, pattern), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _exponent(values: Floats) -> int:
    """The fewest decimals that show every amount whole, within what 64 bits can add up."""
    largest = float(np.abs(values).max(initial=0.0))
    for exponent in range(LEAST_EXPONENT, MOST_EXPONENT + 1):
        if largest * 10**exponent >= LARGEST_MINOR:
            return max(exponent - 1, LEAST_EXPONENT)
        scaled = values * 10**exponent
        if (np.abs(scaled - np.rint(scaled)) < _TOLERANCE).all():
            return exponent
    return _USUAL_EXPONENT if largest >= 1 else MOST_EXPONENT
