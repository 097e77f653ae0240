"""Amounts in sentences are exact, however they are written."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from api.domain.texts import shown_money


@pytest.mark.parametrize("exponent", [0, 2, 3])
def test_amounts_are_written_as_exact_decimals_would_be(exponent: int) -> None:
    for minor in (0, 5, -5, 99, 100, -100, 123_456_789, -1_000_001, 12.9, -12.1):
        exact = Decimal(math.floor(minor)).scaleb(-exponent)
        assert shown_money(minor, "USD", exponent) == f"{exact:,f} USD"
