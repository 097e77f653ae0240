"""What people say of a customer, one spelling each: as imports bring it in, and as strictly."""

from __future__ import annotations

import datetime as dt
import math
import re
import secrets
from collections.abc import Mapping
from typing import Any

from api.domain.contact_points import normalise_email, normalise_phone
from api.domain.fields import nearest, shown
from api.errors import InvalidInput, NotFound

LONGEST_ID = 200
LONGEST_NAME = 4_000
LONGEST_TEXT = 400
LONGEST: Mapping[str, int] = {"industry": 100, "region": 100, "owner": 100}
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
TypedValue = tuple[str | None, float | None]
"""An attribute's value as it is stored: as text, as a number."""


def new_external_id() -> str:
    """A number for a customer whose creator may not choose one; 80 random bits."""
    return f"N{secrets.token_hex(10).upper()}"


def clean(path: str, value: str, longest: int) -> str:
    """A text without spaces around it.

    Raises:
        InvalidInput: nothing is left of it, it is too long, or it holds control characters.
    """
    text = value.strip()
    if not text or len(text) > longest:
        raise InvalidInput(
            f"{path}: takes 1 to {longest:,} characters; null says that it has none."
        )
    if UNPRINTABLE.search(text):
        raise InvalidInput(f"{path}: can't hold control characters.")
    return text


def plain_text(path: str, value: str | None) -> str | None:
    """Industry, region or owner."""
    return None if value is None else clean(path, value, LONGEST[path])


def contact(path: str, value: str | None) -> str | None:
    """A name, an e-mail address or a phone number in the one spelling that it is found by.

    Raises:
        InvalidInput: it isn't one; the message does not repeat it.
    """
    if value is None:
        return None
    text = clean(path, value, LONGEST_NAME)
    if path == "name":
        return text
    found = normalise_email(text) if path == "email" else normalise_phone(text)
    if found is None:
        what = (
            "an e-mail address; write it like name@example.org"
            if path == "email"
            else "a phone number with its country code; write it like +44 20 7183 8750"
        )
        raise InvalidInput(f"{path}: is not {what}.")
    return found


def attribute_value(path: str, name: str, types: Mapping[str, str], value: Any) -> TypedValue:
    """A custom attribute's value, of the type that all its values have.

    Raises:
        NotFound: there is no such attribute; imports make them.
        InvalidInput: a value of another type.
    """
    if name not in types:
        raise NotFound(f"{path}.name: there is no attribute {shown(name)}{nearest(name, types)}.")
    kind = types[name]
    if kind == "boolean" and isinstance(value, bool):
        return str(value).lower(), float(value)
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "number" and numeric and math.isfinite(value):
        return None, float(value)
    if kind == "text" and isinstance(value, str):
        return clean(f"{path}.value", value, LONGEST_TEXT), None
    if kind == "date" and isinstance(value, str) and _is_day(value):
        return value, None
    asked = {"boolean": "true or false", "number": "a number", "text": "a text"}
    what = asked.get(kind, "a day such as 2017-03-01")
    raise InvalidInput(f"{path}.value: {shown(name)} takes {what}.")


def _is_day(value: str) -> bool:
    try:
        return dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
