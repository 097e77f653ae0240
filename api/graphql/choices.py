"""A value of an enum: how it is stored, and what it means."""

from __future__ import annotations

from typing import Any

import strawberry


def choice(value: str, description: str) -> Any:
    return strawberry.enum_value(value, description=description)
