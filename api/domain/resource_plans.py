"""What may be spent on strategies: room of those who carry them out, money, time of contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.domain.conditions import money_to_minor
from api.domain.documents import KEY, entries
from api.domain.fields import shown
from api.errors import InvalidInput

MOST = 10**9
LONGEST_CONTACT_MINUTES = 600.0
USUAL_CONTACT_MINUTES = 5.0


@dataclass(frozen=True)
class ResourcePlan:
    """What a refresh may recommend in all; a role that is not named has room for everything."""

    capacities: Mapping[str, int] = field(default_factory=dict)
    """By owner role, to how many customers something may be recommended at a time."""
    budget_minor: int | None = None
    """What all that is recommended may cost; none: no limit."""
    contact_minutes: Mapping[str, float] = field(default_factory=dict)
    """By channel, how long a contact takes the staff."""
    usual_contact_minutes: float = USUAL_CONTACT_MINUTES


UNLIMITED = ResourcePlan()


def parse_resource_plan(document: object, exponent: int, path: str = "resources") -> ResourcePlan:
    """Read `{capacities, budget, contact_minutes, usual_contact_minutes}`; all may be left out.

    Raises:
        InvalidInput: names the path and the way out.
    """
    optional = ("capacities", "budget", "contact_minutes", "usual_contact_minutes")
    parts = entries(document, path, (), optional)
    budget = parts.get("budget")
    if budget is not None and (budget := money_to_minor(budget, exponent, f"{path}.budget")) < 0:
        raise InvalidInput(f"{path}.budget: takes an amount of 0 or more.")
    capacities = parts.get("capacities", {})
    minutes = parts.get("contact_minutes", {})
    return ResourcePlan(
        {
            _word(role, f"{path}.capacities"): _capacity(number, f"{path}.capacities.{role}")
            for role, number in _mapping(capacities, f"{path}.capacities").items()
        },
        budget,
        {
            _word(channel, f"{path}.contact_minutes"): _minutes(
                number, f"{path}.contact_minutes.{channel}"
            )
            for channel, number in _mapping(minutes, f"{path}.contact_minutes").items()
        },
        _minutes(
            parts.get("usual_contact_minutes", USUAL_CONTACT_MINUTES),
            f"{path}.usual_contact_minutes",
        ),
    )


def _mapping(content: object, path: str) -> Mapping[object, object]:
    if not isinstance(content, Mapping):
        raise InvalidInput(f"{path}: takes a mapping, not {shown(content)}.")
    return content


def _word(value: object, path: str) -> str:
    if isinstance(value, str) and KEY.fullmatch(value):
        return value
    raise InvalidInput(f"{path}: takes words in small letters, not {shown(value)}.")


def _capacity(value: object, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
        return value
    raise InvalidInput(f"{path}: takes a number of customers of 0 or more, not {shown(value)}.")


def _minutes(value: object, path: str) -> float:
    minutes = -1.0 if isinstance(value, bool) or not isinstance(value, int | float) else value
    if 0 <= minutes <= LONGEST_CONTACT_MINUTES:
        return float(minutes)
    raise InvalidInput(
        f"{path}: takes minutes up to {LONGEST_CONTACT_MINUTES:g}, not {shown(value)}."
    )
