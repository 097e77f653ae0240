"""One column of a table that anybody made: what it holds, and its values as numbers.

A table may come typed, or all as text, as a CSV gives it. What a column holds is decided once, on
the rows that are learned from; rows to be scored are read the same way, whatever their types.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml.sample import Floats

Kind = Literal["number", "date", "choice"]
Texts = npt.NDArray[np.object_]
"""Trimmed texts, None where there is nothing."""

OTHER = -1.0
"""Stands for a choice that was not there, or too rarely, when the column was learned."""
READABLE = 0.95
"""A column is one of numbers (or dates) if this share of what is in it can be read as such."""
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "ISO8601",
)
_MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "<na>", "nat", "?", "\\n"})
_NO_NUMBER = frozenset({"none", "-", "--", "."})
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_CODE = re.compile(r"0\d+")
_DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_SIGNS = str.maketrans("", "", "$€£¥￥%  '_")


@dataclass(frozen=True)
class Column:
    """How a column is read: as numbers, as days since 1970, or as one of a few choices."""

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    date_format: str = ""

    def read(self, values: pa.ChunkedArray) -> Floats:
        """A float for each row: the number, the day, or the place of the choice; NaN if missing.

        A choice that was never seen is `OTHER`; a text where a number belongs is missing.
        """
        if self.kind == "choice":
            return _places(texts_of(values), self.choices)
        if pa.types.is_temporal(values.type):
            return _days(values)
        if self.kind == "date":
            return _parsed_days(texts_of(values), self.date_format)
        return _numbers(values)


def describe(name: str, values: pa.ChunkedArray) -> Column:
    """What a column holds, judged by its type or, if it is text, by nearly all of its values."""
    kind = values.type
    if pa.types.is_temporal(kind):
        return Column(name, "date")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Column(name, "number")
    texts = texts_of(values)
    present = [text for text in texts if text is not None]
    if not present:
        return Column(name, "choice")
    if not pa.types.is_boolean(kind) and not _has_codes(present):
        if np.mean(~np.isnan(_parsed(texts))) >= READABLE * len(present) / len(texts):
            return Column(name, "number")
        if found := _date_format(present):
            return Column(name, "date", date_format=found)
    return Column(name, "choice", tuple(sorted(set(present))))


def texts_of(values: pa.ChunkedArray) -> Texts:
    """Every value as trimmed text, whatever its type; None for the usual signs of "nothing"."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        found = [None if v is None or v != v else f"{v:.15g}" for v in values.to_pylist()]
    elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        found = pc.utf8_trim_whitespace(values).to_pylist()
    elif pa.types.is_boolean(values.type):
        found = [None if v is None else str(v).lower() for v in values.to_pylist()]
    else:
        found = [None if v is None else str(v).strip() for v in values.to_pylist()]
    known: dict[str | None, str | None] = {None: None}
    result = np.empty(len(found), dtype=object)
    for row, text in enumerate(found):
        if text not in known:
            known[text] = None if text is None or text.lower() in _MISSING else text
        result[row] = known[text]
    return result


def _places(texts: Texts, choices: Sequence[str]) -> Floats:
    place: dict[str | None, float] = {
        choice.casefold(): float(at) for at, choice in enumerate(choices)
    }
    place |= {choice: float(at) for at, choice in enumerate(choices)}
    place[None] = np.nan
    for text in set(texts) - place.keys():
        # "True" of one program is "true" of another.
        place[text] = place.get(text.casefold(), OTHER)
    return np.fromiter((place[text] for text in texts), np.float64, len(texts))


def _numbers(values: pa.ChunkedArray) -> Floats:
    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        found = values.cast(pa.float64()).to_numpy().astype(np.float64)
    elif pa.types.is_decimal(kind):
        found = np.array([np.nan if v is None else float(v) for v in values.to_pylist()])
    else:
        found = _parsed(texts_of(values))
    return np.where(np.isfinite(found), found, np.nan)


def _parsed(texts: Texts) -> Floats:
    """Texts as numbers, with thousands separators, decimal commas, currency and per cent signs."""
    series = pd.Series(texts, dtype=object)
    plain = pd.to_numeric(series, errors="coerce").to_numpy(np.float64, copy=True)
    rest = [row for row in np.flatnonzero(np.isnan(plain)) if texts[row] is not None]
    bare = [texts[row].translate(_SIGNS) for row in rest]
    commas = [text for text in bare if "," in text]
    thousands = all(_THOUSANDS.fullmatch(text) for text in commas)
    for row, text in zip(rest, bare, strict=True):
        if thousands:
            text = text.replace(",", "")
        elif _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        plain[row] = _number(text)
    return plain


def _number(text: str) -> float:
    try:
        return float(text) if text.lower() not in _NO_NUMBER else np.nan
    except ValueError:
        return np.nan


def _has_codes(present: Sequence[str]) -> bool:
    """Whether digits are only names here: with leading zeros, as postal codes, they are."""
    return any(_CODE.fullmatch(text) for text in present)


def _date_format(present: Sequence[str]) -> str:
    """The first format that reads nearly all of these texts; "" if they are no dates."""
    looks = sum(bool(_DAY.match(text)) for text in present[:1000])
    if looks < READABLE * min(len(present), 1000):
        return ""
    texts = np.array(present, dtype=object)
    shares = {form: np.mean(~np.isnan(_parsed_days(texts, form))) for form in DATE_FORMATS}
    best = max(shares, key=lambda form: shares[form])
    return best if shares[best] >= READABLE else ""


def _parsed_days(texts: Texts, form: str) -> Floats:
    moments = pd.to_datetime(
        pd.Series(texts, dtype=object), format=form or "ISO8601", errors="coerce", utc=True
    )
    return _since_epoch(moments)


def _days(values: pa.ChunkedArray) -> Floats:
    if pa.types.is_time(values.type) or pa.types.is_duration(values.type):
        found = [_seconds(value) for value in values.to_pylist()]
        return np.array([np.nan if seconds is None else seconds / 86_400 for seconds in found])
    return _since_epoch(pd.to_datetime(pd.Series(values.to_pylist(), dtype=object), utc=True))


def _since_epoch(moments: pd.Series) -> Floats:
    elapsed = moments - pd.Timestamp(0, tz="UTC")
    return np.asarray(elapsed / pd.Timedelta(days=1), np.float64)


def _seconds(value: dt.time | dt.timedelta | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return value.hour * 3600.0 + value.minute * 60.0 + value.second
