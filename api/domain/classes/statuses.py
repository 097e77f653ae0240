"""Statuses that people set step by step, such as prospect, existing, key customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.domain.fields import nearest, shown
from api.errors import InvalidInput

KIND = "status"


def allowed_next(document: Mapping[str, Any], current: str | None) -> tuple[str, ...]:
    """What a status may become, by a checked document; anything where there was none before."""
    keys = [each["key"] for each in document["values"]]
    for each in document["values"]:
        if each["key"] == current:
            return tuple(each.get("next", [key for key in keys if key != current]))
    return tuple(keys)


def require_step(document: Mapping[str, Any], current: str | None, status: object) -> None:
    """Raises:
    InvalidInput: there is no such status, or no step leads to it; the message names those allowed.
    """
    key, keys = document["key"], [each["key"] for each in document["values"]]
    if status not in keys:
        raise InvalidInput(f"status: {key} is never {shown(status)}{nearest(status, keys)}.")
    if status == current:
        raise InvalidInput(f"status: the customer is {current} already.")
    allowed = allowed_next(document, current)
    if status not in allowed:
        listed = ", ".join(allowed) if allowed else "nothing else"
        raise InvalidInput(
            f"status: {key} does not lead from {current} to {status}; allowed is {listed}."
        )
