"""Strategies as documents: whom they are for, what to do, what it costs and what it brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from api.domain.conditions import money_to_minor
from api.domain.documents import (
    KEY,
    LONGEST_DESCRIPTION,
    Bilingual,
    bilingual,
    description_of,
    entries,
    key_of,
    name_of,
    require_unique,
)
from api.domain.fields import FIELDS, Field, nearest, shown
from api.domain.rules import Rule, parse_rule
from api.domain.strategies.content import (
    Measured,
    Offer,
    parse_content,
    parse_measured,
    parse_offer,
)
from api.errors import InvalidInput

Action = Literal["call", "visit", "message", "email", "offer", "survey", "automate", "none"]
Share = Literal["clv", "clv_at_risk", "net_spend"]
CaseKind = Literal["retention", "win_back"]
MOST_STEPS = 10
REQUIRED = ("key", "name", "description", "steps", "when", "action", "owner_role", "due_days")
OPTIONAL = (
    "channel",
    "cost",
    "expected_gain",
    "min_gain",
    "cooldown_days",
    "consent_purpose",
    "conflict_group",
    "suppresses",
    "caps_cost",
    "response_hours",
    "offer",
    "content",
    "outcome_days",
    "alternatives",
    "measured",
    "variant",
    "case",
    "active",
)
LONGEST_RESPONSE_HOURS = 24 * 90


@dataclass(frozen=True)
class ExpectedGain:
    """What acting brings: a rate of some amount. `source` says where the rate comes from."""

    share_of: Share
    rate: float
    source: Bilingual


@dataclass(frozen=True)
class Strategy:
    key: str
    name: Bilingual
    description: Bilingual
    steps: tuple[Bilingual, ...]
    rule: Rule
    action: Action
    channel: str | None
    owner_role: str
    due_days: int
    cost_minor: int
    expected_gain: ExpectedGain | None
    """None: it is done for other reasons than money, and counts as bringing nothing."""
    min_gain_minor: int
    """Not recommended where the expected gain net of cost is below this."""
    cooldown_days: int
    consent_purpose: str | None
    conflict_group: str | None
    """Of strategies in one group a customer gets the best one."""
    suppresses: tuple[str, ...] = ()
    """Conflict groups of which nothing is recommended to customers this strategy is for."""
    caps_cost_minor: int | None = None
    """Nothing dearer than this is recommended to customers this strategy is for."""
    response_hours: float | None = None
    """A service plan: customers it is for are answered within this time."""
    offer: Offer | None = None
    content: Bilingual | None = None
    """A message with merge fields."""
    outcome_days: int | None = None
    """After so many days one can tell what came of it."""
    alternatives: tuple[str, ...] = ()
    """Keys of strategies to think of instead."""
    measured: Measured | None = None
    """Wins over the prior of `expected_gain`."""
    variant: str | None = None
    """Of readings that contradict each other the business activates one."""
    case: CaseKind | None = None
    """Recommending it opens a case that somebody has to close with an outcome."""
    active: bool = True
    """Whether an installation starts with it."""

    @property
    def rate(self) -> float:
        """The share of its amount that acting is expected to bring."""
        if self.measured is not None:
            return self.measured.uplift
        return 0.0 if self.expected_gain is None else self.expected_gain.rate


def parse_strategy(
    document: object,
    exponent: int,
    fields: Mapping[str, Field] = FIELDS,
    path: str = "strategy",
) -> Strategy:
    """Read a strategy; amounts in the document are in major units.

    Raises:
        InvalidInput: names the path and the way out.
    """
    parts = entries(
        document,
        path,
        REQUIRED,
        OPTIONAL,
    )
    return Strategy(
        key=key_of(parts, path),
        name=name_of(parts, path),
        description=description_of(parts, path),
        steps=_steps(parts["steps"], f"{path}.steps"),
        rule=parse_rule(parts["when"], fields, exponent, f"{path}.when"),
        action=cast(Action, _one_of(parts["action"], get_args(Action), f"{path}.action")),
        channel=_word(parts.get("channel"), f"{path}.channel"),
        owner_role=_word(parts["owner_role"], f"{path}.owner_role") or "",
        due_days=_days(parts["due_days"], f"{path}.due_days"),
        cost_minor=_amount(parts.get("cost", 0), exponent, f"{path}.cost"),
        expected_gain=_gain(parts.get("expected_gain"), f"{path}.expected_gain"),
        min_gain_minor=money_to_minor(parts.get("min_gain", 0), exponent, f"{path}.min_gain"),
        cooldown_days=_days(parts.get("cooldown_days", 0), f"{path}.cooldown_days"),
        consent_purpose=_word(parts.get("consent_purpose"), f"{path}.consent_purpose"),
        conflict_group=_word(parts.get("conflict_group"), f"{path}.conflict_group"),
        suppresses=_words(parts.get("suppresses", []), f"{path}.suppresses"),
        **_more(parts, exponent, path),
    )


def _more(parts: Mapping[str, Any], exponent: int, path: str) -> dict[str, Any]:
    """What few strategies have."""
    case = parts.get("case")
    cap = parts.get("caps_cost")
    outcome_days = parts.get("outcome_days")
    measured = parse_measured(parts.get("measured"), f"{path}.measured")
    if measured is not None and parts.get("expected_gain") is None:
        raise InvalidInput(f"{path}.measured: needs an expected_gain that says a share of what.")
    if not isinstance(parts.get("active", True), bool):
        raise InvalidInput(f"{path}.active: takes true or false, not {shown(parts['active'])}.")
    return {
        "caps_cost_minor": None if cap is None else _amount(cap, exponent, f"{path}.caps_cost"),
        "response_hours": _hours(parts.get("response_hours"), f"{path}.response_hours"),
        "offer": parse_offer(parts.get("offer"), f"{path}.offer", parts["key"]),
        "content": parse_content(parts.get("content"), f"{path}.content"),
        "outcome_days": (
            None if outcome_days is None else _days(outcome_days, f"{path}.outcome_days")
        ),
        "alternatives": _words(parts.get("alternatives", []), f"{path}.alternatives"),
        "measured": measured,
        "variant": _word(parts.get("variant"), f"{path}.variant"),
        "case": None if case is None else _one_of(case, get_args(CaseKind), f"{path}.case"),
        "active": parts.get("active", True),
    }


def _hours(value: object, path: str) -> float | None:
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 < value <= LONGEST_RESPONSE_HOURS:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    raise InvalidInput(
        f"{path}: takes hours above 0, up to {LONGEST_RESPONSE_HOURS}, not {shown(value)}."
    )


def parse_strategies(
    documents: Iterable[object], exponent: int, fields: Mapping[str, Field] = FIELDS
) -> tuple[Strategy, ...]:
    parsed = [
        parse_strategy(document, exponent, fields, f"strategies[{place}]")
        for place, document in enumerate(documents)
    ]
    require_unique([each.key for each in parsed], "strategies")
    return tuple(parsed)


def require_alternatives(strategies: Sequence[Strategy]) -> None:
    """Check that alternatives are there, among all strategies of an installation.

    Raises:
        InvalidInput: one is not; names the nearest.
    """
    keys = [each.key for each in strategies]
    for each in strategies:
        for other in each.alternatives:
            if other not in keys or other == each.key:
                raise InvalidInput(
                    f"strategy {each.key}.alternatives: there is no other strategy "
                    f"{shown(other)}{nearest(other, keys)}."
                )


def _steps(content: object, path: str) -> tuple[Bilingual, ...]:
    if not isinstance(content, list) or not 1 <= len(content) <= MOST_STEPS:
        raise InvalidInput(f"{path}: takes a list of 1 to {MOST_STEPS} steps.")
    return tuple(
        bilingual(each, f"{path}[{place}]", LONGEST_DESCRIPTION)
        for place, each in enumerate(content)
    )


def _one_of(value: object, known: Sequence[str], path: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    raise InvalidInput(f"{path}: {shown(value)} is unknown{nearest(value, known)}.")


def _word(value: object, path: str) -> str | None:
    if value is None or (isinstance(value, str) and KEY.fullmatch(value)):
        return value
    raise InvalidInput(f"{path}: takes a word in small letters, not {shown(value)}.")


def _words(content: object, path: str) -> tuple[str, ...]:
    if not isinstance(content, list):
        raise InvalidInput(f"{path}: takes a list of words in small letters.")
    words = (_word(each, f"{path}[{place}]") for place, each in enumerate(content))
    return tuple(word for word in words if word is not None)


def _days(value: object, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3650:
        return value
    raise InvalidInput(f"{path}: takes a number of days up to 3650, not {shown(value)}.")


def _amount(value: object, exponent: int, path: str) -> int:
    amount = money_to_minor(value, exponent, path)
    if amount < 0:
        raise InvalidInput(f"{path}: takes an amount of 0 or more, not {shown(value)}.")
    return amount


def _gain(content: object, path: str) -> ExpectedGain | None:
    if content is None:
        return None
    parts = entries(content, path, ("share_of", "rate", "source"))
    rate = parts["rate"]
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate <= 1:
        raise InvalidInput(f"{path}.rate: takes a number above 0, up to 1, not {shown(rate)}.")
    return ExpectedGain(
        cast(Share, _one_of(parts["share_of"], get_args(Share), f"{path}.share_of")),
        float(rate),
        bilingual(parts["source"], f"{path}.source", LONGEST_DESCRIPTION),
    )
