"""RFM as a document: a scale for each of the three scores, and the table of groups."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from api.domain.classes.definitions import Kind
from api.domain.classes.reading import Reading
from api.domain.classes.rfm import Rfm, ScoreScale
from api.domain.documents import entries
from api.domain.fields import shown
from api.errors import InvalidInput

WAYS = ("quantiles", "thresholds", "jenks")
MOST_BINS = 10


def read_rfm(reading: Reading) -> Kind:
    """The scales `recency`, `frequency`, `monetary` and the table.

    The table has a list of groups for each recency score, best first; in it the groups stand by
    the mean of the other two scores, worst first.
    """
    scales = [_scale(reading, name) for name in ("recency", "frequency", "monetary")]
    if scales[1].bins != scales[2].bins:
        raise InvalidInput(
            f"{reading.path}.monetary: has {scales[2].bins} scores and frequency "
            f"{scales[1].bins}; the table reads their mean, so both have as many."
        )
    table = _table(reading, scales[0].bins, scales[1].bins)
    return Rfm(scales[0], scales[1], scales[2], table)


def _scale(reading: Reading, name: str) -> ScoreScale:
    path = f"{reading.path}.{name}"
    parts = entries(reading.parts[name], path, ("measure",), ("window_days", *WAYS))
    ways = [way for way in WAYS if way in parts]
    if len(ways) != 1:
        raise InvalidInput(f"{path}: needs one of {', '.join(WAYS)}, not {len(ways)}.")
    measure = reading.measure(parts, path)
    descending = name == "recency"
    way, content = ways[0], parts[ways[0]]
    if way == "jenks":
        if isinstance(content, bool) or not isinstance(content, int):
            raise InvalidInput(f"{path}.jenks: takes a number of scores, not {shown(content)}.")
        return ScoreScale(measure, _bins(content, f"{path}.jenks"), descending)
    if not isinstance(content, list):
        raise InvalidInput(f"{path}.{way}: takes a list of numbers.")
    bins = _bins(len(content) + 1, f"{path}.{way}")
    at = [{str(place): each} for place, each in enumerate(content)]
    if way == "quantiles":
        shares = [
            float(reading.share(each, str(place), f"{path}.quantiles"))
            for place, each in enumerate(at)
        ]
        _require_rising(shares, f"{path}.quantiles")
        return ScoreScale(measure, bins, descending, quantiles=tuple(shares))
    cuts = [
        reading.amount(each, str(place), measure, f"{path}.thresholds")
        for place, each in enumerate(at)
    ]
    # Written from low to high whatever is better; from the worst score to the best in the scale.
    _require_rising(cuts, f"{path}.thresholds")
    return ScoreScale(
        measure, bins, descending, thresholds=tuple(cuts[::-1] if descending else cuts)
    )


def _bins(number: int, path: str) -> int:
    if not 2 <= number <= MOST_BINS:
        raise InvalidInput(f"{path}: makes {number} scores; there may be 2 to {MOST_BINS}.")
    return number


def _require_rising(values: list[float], path: str) -> None:
    if any(second <= first for first, second in pairwise(values)):
        raise InvalidInput(f"{path}: stand from low to high, each above the one before.")


def _table(reading: Reading, rows: int, columns: int) -> tuple[tuple[int, ...], ...]:
    content: Any = reading.parts["table"]
    path = f"{reading.path}.table"
    if not isinstance(content, list) or len(content) != rows:
        raise InvalidInput(f"{path}: takes {rows} lists, one for each recency score, best first.")
    table = []
    for place, row in enumerate(content):
        if not isinstance(row, list) or len(row) != columns:
            raise InvalidInput(
                f"{path}[{place}]: takes {columns} groups, by the mean of the frequency and the "
                "monetary score, lowest first."
            )
        table.append(
            tuple(reading.place_of(each, f"{path}[{place}][{n}]") for n, each in enumerate(row))
        )
    return tuple(table[::-1])
