"""What somebody wants exported: a filter and a place in the feed, from an address's query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.domain.conditions import Condition, parse_condition
from api.domain.fields import Field, find_field
from api.domain.risk import RISK_BANDS
from api.domain.rules import AllOf, Rule
from api.errors import InvalidInput

BANDS = tuple(band.upper() for band, _ in RISK_BANDS)
PARAMETERS = ("after", "riskBand", "minChurnProbability")


@dataclass(frozen=True)
class Asked:
    """The filter is one that `riskScores` has too: each goes on from the other's cursors."""

    after: str | None = None
    risk_band: str | None = None
    min_churn_probability: float | None = None

    @property
    def filters_nothing(self) -> bool:
        return self.risk_band is None and self.min_churn_probability is None

    def rule(self, fields: Mapping[str, Field], exponent: int) -> Rule:
        """In the order in which `riskScores` reads its filter."""
        parts: list[Condition] = []
        wanted = (
            ("churn_probability", "gte", self.min_churn_probability, "minChurnProbability"),
            ("risk_band", "eq", self.risk_band and self.risk_band.lower(), "riskBand"),
        )
        for name, op, value, path in wanted:
            if value is not None:
                field = find_field(name, fields, path)
                parts.append(parse_condition(field, op, value, exponent, path))
        return AllOf(tuple(parts))

    def query(self) -> dict[str, str]:
        """The same as parameters of an address."""
        given = {
            "after": self.after,
            "riskBand": self.risk_band,
            "minChurnProbability": self.min_churn_probability,
        }
        return {name: str(value) for name, value in given.items() if value is not None}


def parse_asked(given: Sequence[tuple[str, str]]) -> Asked:
    """The parameters of an address.

    Raises:
        InvalidInput: one is unknown, comes twice or holds something that can't be used.
    """
    found: dict[str, str] = {}
    for name, value in given:
        if name not in PARAMETERS:
            raise InvalidInput(f"There is no parameter {name[:40]!r}; {', '.join(PARAMETERS)} are.")
        if name in found:
            raise InvalidInput(f"{name} is given twice.")
        found[name] = value
    band = found.get("riskBand")
    if band is not None and band not in BANDS:
        raise InvalidInput(f"riskBand is one of {', '.join(BANDS)}, not {band[:40]!r}.")
    lowest = found.get("minChurnProbability")
    return Asked(found.get("after"), band, None if lowest is None else _probability(lowest))


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InvalidInput(f"minChurnProbability is a number from 0 to 1, not {text[:40]!r}.")
    return value
