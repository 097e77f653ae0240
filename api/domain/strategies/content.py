"""What a strategy says and offers to a customer, and what it has been measured to bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from api.domain.documents import LONGEST_DESCRIPTION, LONGEST_NAME, Bilingual, bilingual, entries
from api.domain.fields import nearest, shown
from api.errors import InvalidInput

MERGE_FIELDS = (
    "name",
    "days_since_purchase",
    "favourite_department",
    "recommended_product",
    "offer",
    "discount",
    "tier",
)
"""What a message may say about its reader."""
LONGEST_MESSAGE = 1_000
MOST_ITEMS = 50


@dataclass(frozen=True)
class Offer:
    """A tailored package: what it is made of, and how much off."""

    key: str
    name: Bilingual
    products: tuple[str, ...]
    """The business's own product numbers."""
    departments: tuple[str, ...]
    discount: float
    """A share of 1."""


@dataclass(frozen=True)
class Measured:
    """What acting was found to change, as a share of the same amount as the prior."""

    uplift: float
    low: float
    high: float
    customers: int
    source: Bilingual


def parse_offer(content: object, path: str, key: str) -> Offer | None:
    """Read `{name, products, departments, discount}`; `key` is the strategy's, unless it has one.

    Raises:
        InvalidInput: names the path and the way out.
    """
    if content is None:
        return None
    optional = ("key", "products", "departments", "discount")
    parts = entries(content, path, ("name",), optional)
    discount = parts.get("discount", 0)
    if not _is_number(discount) or not 0 <= discount < 1:
        raise InvalidInput(
            f"{path}.discount: takes a share from 0 to below 1, not {shown(discount)}."
        )
    own_key = parts.get("key", key)
    if not isinstance(own_key, str) or not 1 <= len(own_key) <= 40:
        raise InvalidInput(f"{path}.key: takes up to 40 characters, not {shown(own_key)}.")
    return Offer(
        own_key,
        bilingual(parts["name"], f"{path}.name", LONGEST_NAME),
        _texts(parts.get("products", []), f"{path}.products"),
        _texts(parts.get("departments", []), f"{path}.departments"),
        float(discount),
    )


def _texts(content: object, path: str) -> tuple[str, ...]:
    if not isinstance(content, Sequence) or isinstance(content, str) or len(content) > MOST_ITEMS:
        raise InvalidInput(f"{path}: takes a list of up to {MOST_ITEMS} texts.")
    for place, each in enumerate(content):
        if not isinstance(each, str) or not 1 <= len(each) <= LONGEST_NAME:
            raise InvalidInput(f"{path}[{place}]: takes a text, not {shown(each)}.")
    return tuple(content)


def parse_content(content: object, path: str) -> Bilingual | None:
    """Read a message with merge fields such as {name}, in both languages.

    Raises:
        InvalidInput: a merge field is unknown; names the path and the nearest known one.
    """
    if content is None:
        return None
    message = bilingual(content, path, LONGEST_MESSAGE)
    for language, text in (("en", message.en), ("zh", message.zh)):
        _check_merge_fields(text, f"{path}.{language}")
    if merge_fields(message.en) != merge_fields(message.zh):
        raise InvalidInput(f"{path}: both languages take the same merge fields.")
    return message


def _check_merge_fields(text: str, path: str) -> None:
    try:
        pieces = list(Formatter().parse(text))
    except ValueError:
        raise InvalidInput(
            f"{path}: a brace is not closed; write {{{{ for one that is meant."
        ) from None
    for _, name, form, conversion in pieces:
        if name is None:
            continue
        if name not in MERGE_FIELDS:
            hint = nearest(name, MERGE_FIELDS)
            raise InvalidInput(f"{path}: there is no merge field {shown(name)}{hint}.")
        if form or conversion:
            raise InvalidInput(f"{path}: the merge field {name} takes no format.")


def merge_fields(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def render_message(text: str, values: Mapping[str, str | None]) -> str | None:
    """The message for one customer; none where something that it says is not known of them."""
    known = {name: values.get(name) for name in merge_fields(text)}
    return None if None in known.values() else text.format(**known)


def parse_measured(content: object, path: str) -> Measured | None:
    """Read `{uplift, low, high, n, source}`.

    Raises:
        InvalidInput: names the path and the way out.
    """
    if content is None:
        return None
    parts = entries(content, path, ("uplift", "low", "high", "n", "source"))
    for name in ("uplift", "low", "high"):
        if not _is_number(parts[name]) or not -1 <= parts[name] <= 1:
            raise InvalidInput(
                f"{path}.{name}: takes a share from -1 to 1, not {shown(parts[name])}."
            )
    if not parts["low"] <= parts["uplift"] <= parts["high"]:
        raise InvalidInput(f"{path}: uplift lies between low and high.")
    number = parts["n"]
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InvalidInput(f"{path}.n: takes a number of customers, not {shown(number)}.")
    return Measured(
        float(parts["uplift"]),
        float(parts["low"]),
        float(parts["high"]),
        number,
        bilingual(parts["source"], f"{path}.source", LONGEST_DESCRIPTION),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
