"""How many decimals a currency has, so that amounts are whole minor units and exact."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

USUAL_EXPONENT = 2
_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS: Mapping[str, int] = MappingProxyType(
    {code: exponent for exponent, codes in _BY_EXPONENT.items() for code in codes.split()}
)
"""ISO 4217 currencies whose minor unit is not a hundredth."""


def exponent_of(currency: str) -> int:
    """Decimals of an amount in this currency: 2 for USD, 0 for JPY, 3 for KWD."""
    return EXPONENTS.get(currency, USUAL_EXPONENT)
