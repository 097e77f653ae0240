"""Exact amounts: decimals to whole minor units, and foreign ones to the base currency."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.domain.money import exponent_of
from api.intake.texts import as_text, is_missing, mask, only

DECIMAL = r"^(?P<sign>[+-]?)(?P<whole>\d{0,14})(?:\.(?P<part>\d*))?$"
HAS_DIGIT = r"\d"
FLOAT_TOLERANCE = 1e-6
"""Of a minor unit: what binary floats lose on the way, and no more."""
LARGEST = 10**15
SMALLEST_RATE, LARGEST_RATE = Decimal("1e-12"), Decimal("1e12")


def scaled(array: pa.Array, exponent: int) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """Amounts times 10^exponent, a mask of what is no number, a mask of too many decimals."""
    if pa.types.is_floating(array.type):
        return _scaled_floats(array, exponent)
    text = as_text(array)
    number = mask(
        pc.and_(pc.match_substring_regex(text, DECIMAL), pc.match_substring_regex(text, HAS_DIGIT))
    )
    parts = pc.extract_regex(only(text, number), DECIMAL)
    decimals = pc.utf8_rtrim(parts.field("part"), "0")
    fine = mask(pc.greater(pc.utf8_length(decimals), exponent))
    padded = pc.utf8_rpad(decimals, exponent, "0") if exponent else pa.array([""] * len(text))
    sign = pc.utf8_ltrim(parts.field("sign"), "+")
    digits = pc.binary_join_element_wise(sign, "0", parts.field("whole"), padded, "")
    values = only(digits, number & ~fine).cast(pa.int64())
    values = pc.if_else(parts.is_valid(), values, pa.scalar(None, pa.int64()))
    return values, ~is_missing(text) & ~number, number & fine


def _scaled_floats(array: pa.Array, exponent: int) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    values = array.cast(pa.float64()).to_numpy(zero_copy_only=False) * 10**exponent
    wild = np.isinf(values) | (np.abs(values) > LARGEST)
    known = ~np.isnan(values) & ~wild
    nearest = np.rint(np.where(known, values, 0))
    fine = known & (np.abs(np.where(known, values, 0) - nearest) > FLOAT_TOLERANCE)
    return pa.array(nearest.astype(np.int64), mask=~known | fine), wild, fine


class ExchangeRates:
    """Rates into the base currency: on each day the latest one on or before it."""

    def __init__(self, base_currency: str, rates: Sequence[tuple[str, dt.date, str]]) -> None:
        self.base_currency = base_currency
        self._base_exponent = exponent_of(base_currency)
        self._days: dict[str, list[dt.date]] = {}
        self._rates: dict[str, list[Decimal]] = {}
        for currency, day, rate in sorted(rates):
            self._days.setdefault(currency, []).append(day)
            self._rates.setdefault(currency, []).append(Decimal(rate))

    def on(self, currency: str, day: dt.date) -> Decimal | None:
        place = bisect_right(self._days.get(currency, []), day)
        return self._rates[currency][place - 1] if place else None

    def convert(self, minor: int, currency: str, day: dt.date) -> int | None:
        """Base minor units, rounded half to even; None where no rate is known, or too many."""
        rate = self.on(currency, day)
        if rate is None:
            return None
        worth = (Decimal(minor) * rate).scaleb(self._base_exponent - exponent_of(currency))
        if abs(worth) > LARGEST:
            return None
        return int(worth.quantize(Decimal(1), ROUND_HALF_EVEN))


def normal_rate(text: str) -> str | None:
    """A rate's one spelling, so that 1.10 and 1.1 are the same; None if it can't be one."""
    rate = Decimal(text)
    spelled = f"{rate.normalize():f}"
    return spelled if SMALLEST_RATE <= rate <= LARGEST_RATE and len(spelled) <= 40 else None
