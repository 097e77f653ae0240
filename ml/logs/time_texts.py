"""Days and moments written as text, in the forms that files have them in.

Each form is read by a pattern of its own; 05/01/2024 by what the other values of the column say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import DAY
from ml.errors import BadLog

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
WAY_OUT = "Say how they are written, such as --time-format %d/%m/%Y"
_CLOCK = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?P<offset>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?$"
)
_WEEKDAY = r"^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?P<name>(?i:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*)\.?"
FORMS: Mapping[str, str] = MappingProxyType(
    {
        "year-month-day": r"^(?P<year>[12]\d{3})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
        + _CLOCK,
        "yyyymmdd": r"^(?P<year>(?:19|20)\d{2})(?P<month>[01]\d)(?P<day>[0-3]\d)" + _CLOCK,
        "yyyymmddhhmmss": r"^(?P<year>(?:19|20)\d{2})(?P<month>[01]\d)(?P<day>[0-3]\d)T?"
        r"(?P<hour>[0-2]\d)(?P<minute>[0-5]\d)(?P<second>\d{2})?(?P<offset>Z)?$",
        "day, month's name, year": _WEEKDAY
        + rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[-./ ]*{_MONTH}[-./, ]*(?P<year>[12]\d{{3}}|\d{{2}})"
        + _CLOCK,
        "month's name, day, year": _WEEKDAY
        + rf"{_MONTH} *(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? +(?P<year>[12]\d{{3}})"
        + _CLOCK,
        "年月日": r"^(?P<year>[12]\d{3})年(?P<month>\d{1,2})月(?P<day>\d{1,2})日" + _CLOCK,
        "numbers and year": r"^(?P<first>\d{1,2})[-/.](?P<other>\d{1,2})[-/.]"
        r"(?P<year>[12]\d{3}|\d{2})" + _CLOCK,
        "seconds since 1970": r"^(?P<epoch>\d{9,19})(?:\.\d+)?$",
    }
)
_SHORT_YEAR = 69
"""Two digits below this are of this century, as strptime has it."""


@dataclass(frozen=True)
class Written:
    """Aligned with the texts; of no meaning where not `known`."""

    local: Ints
    """Seconds since 1970-01-01 by the clock that the text shows."""
    offset: Ints
    """What that clock is ahead of UTC, in seconds, where the text says so."""
    has_offset: Mask
    known: Mask
    notes: tuple[str, ...]


def read_texts(texts: pa.Array, weights: Ints, name: str) -> Written:
    """Read distinct trimmed texts; `weights` says how many rows hold each.

    Raises:
        BadLog: day and month can't be told apart, or change places within the column.
    """
    size = len(texts)
    local, offset = np.zeros(size, np.int64), np.zeros(size, np.int64)
    has_offset, known = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    found: dict[str, int] = {}
    for form, pattern in FORMS.items():
        parts = _parts(texts, pattern, known)
        places = np.flatnonzero(parts.matched)
        if not len(places):
            continue
        label = form
        if form == "numbers and year":
            label = _order(parts, texts, weights, name)
        seconds, good = _seconds(parts, label)
        taken = places[good]
        local[taken], known[taken] = seconds[good], True
        offset[taken], has_offset[taken] = parts.offset[good], parts.has_offset[good]
        if label == "seconds since 1970":
            has_offset[taken] = True
        found[label] = found.get(label, 0) + int(weights[taken].sum())
    return Written(local, offset, has_offset, known, _notes(found, name))


@dataclass(frozen=True)
class _Parts:
    """The texts that match a pattern, and the numbers it finds in them (-1: none)."""

    matched: Mask
    """Aligned with all texts; everything else with those that match."""
    fields: Mapping[str, Ints]
    offset: Ints
    has_offset: Mask


def _parts(texts: pa.Array, pattern: str, known: Mask) -> _Parts:
    groups = pc.extract_regex(texts, pattern)
    matched = np.asarray(groups.is_valid().to_numpy(zero_copy_only=False)) & ~known
    groups = groups.filter(pa.array(matched))
    names = [field.name for field in groups.type]
    texts_of = {name: groups.field(name) for name in names}
    rows = len(groups)
    fields = {
        name: _numbers(texts_of[name]) for name in names if name not in ("half", "offset", "name")
    }
    if "name" in texts_of:
        short = pc.utf8_slice_codeunits(pc.utf8_lower(texts_of["name"]), 0, 3)
        fields["month"] = _numbers(pc.index_in(short, pa.array(_MONTHS))) + 1
    if "half" in texts_of:
        fields["hour"] = _whole_day(fields["hour"], pc.utf8_lower(texts_of["half"]))
    offset, has_offset = np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    if "offset" in texts_of:
        offset, has_offset = _offsets(texts_of["offset"])
    return _Parts(matched, fields, offset, has_offset)


def _numbers(texts: pa.Array) -> Ints:
    if pa.types.is_string(texts.type):
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    return np.asarray(pc.fill_null(texts.cast(pa.int64()), -1).to_numpy(zero_copy_only=False))


def _whole_day(hour: Ints, half: pa.Array) -> Ints:
    """Hours of 0-23 from those of a clock with am and pm."""
    am, pm = (np.asarray(pc.equal(half, each).to_numpy(zero_copy_only=False)) for each in "ap")
    twelve = (am | pm) & (hour == 12)
    return np.asarray(np.where(twelve, 0, hour) + np.where(pm, 12, 0))


def _offsets(texts: pa.Array) -> tuple[Ints, Mask]:
    parts = pc.extract_regex(texts, r"^(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?$")
    sign = np.where(np.asarray(pc.fill_null(pc.equal(parts.field("sign"), "-"), False)), -1, 1)
    hours = np.maximum(_numbers(parts.field("hours")), 0)
    minutes = np.maximum(_numbers(parts.field("minutes")), 0)
    stated = np.asarray(pc.not_equal(texts, "").to_numpy(zero_copy_only=False))
    return sign * (hours * 3600 + minutes * 60), stated


def _order(parts: _Parts, texts: pa.Array, weights: Ints, name: str) -> str:
    """Whether the day or the month comes first, by the numbers that can be no month."""
    rows = weights[parts.matched]
    first, other = parts.fields["first"], parts.fields["other"]
    day_first = int(rows[(first > 12) & (other <= 12)].sum())
    month_first = int(rows[(other > 12) & (first <= 12)].sum())
    if day_first and month_first:
        raise BadLog(
            f"In the column {name!r}, {day_first:,} times can only be day/month/year and "
            f"{month_first:,} only month/day/year, so that the others could be either. "
            f"{WAY_OUT}; those written otherwise are then left out."
        )
    if month_first:
        return "month/day/year"
    dotted = pc.match_substring_regex(texts.filter(pa.array(parts.matched)), r"^\d+\.\d+\.")
    # Only days of the month come before a dot, wherever days are written with dots.
    if day_first or pc.all(dotted).as_py():
        return "day/month/year"
    raise BadLog(
        f"The times in the column {name!r}, such as 05/01/2024, may be day/month/year or "
        f"month/day/year: no value tells. {WAY_OUT} or --time-format %m/%d/%Y."
    )


def _seconds(parts: _Parts, label: str) -> tuple[Ints, Mask]:
    fields = dict(parts.fields)
    if label == "seconds since 1970":
        return _since_1970(fields["epoch"])
    if label == "day/month/year":
        fields |= {"day": fields["first"], "month": fields["other"]}
    elif label == "month/day/year":
        fields |= {"month": fields["first"], "day": fields["other"]}
    year, month, day = fields["year"], fields["month"], fields["day"]
    year = np.where(year < 100, year + np.where(year < _SHORT_YEAR, 2000, 1900), year)
    clock = {
        name: np.maximum(fields.get(name, 0 * day), 0) for name in ("hour", "minute", "second")
    }
    good = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    good &= (clock["hour"] <= 23) & (clock["minute"] <= 59) & (clock["second"] <= 60)
    start = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    days = start.astype("datetime64[D]").astype(np.int64) + day - 1
    good &= days < (start + 1).astype("datetime64[D]").astype(np.int64)
    seconds = days * DAY + clock["hour"] * 3600 + clock["minute"] * 60 + clock["second"]
    return np.asarray(seconds), np.asarray(good)


def _since_1970(epoch: Ints) -> tuple[Ints, Mask]:
    """Seconds from seconds, milli-, micro- or nanoseconds, told by their size."""
    power = np.select([epoch < 10**11, epoch < 10**14, epoch < 10**17], [0, 3, 6], 9)
    return epoch // 10**power, np.ones(len(epoch), np.bool_)


def _notes(found: Mapping[str, int], name: str) -> tuple[str, ...]:
    told = {"year-month-day", "yyyymmdd", "yyyymmddhhmmss", "年月日"}
    if len(found) > 1:
        forms = ", ".join(f"{form} ({rows:,} rows)" for form, rows in found.items())
        return (f"The times in {name!r} come in {len(found)} forms, each read as such: {forms}.",)
    return tuple(f"The times in {name!r} are read as {form}." for form in found if form not in told)


def shape_of(text: str) -> str:
    """A text without what it says: letters as a, digits as 9; fit to be shown."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text[:30]))
