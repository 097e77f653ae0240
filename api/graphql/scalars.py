"""Scalars of the schema: whole numbers beyond 32 bits, and the usual ones in plain words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NewType

import strawberry
from strawberry.scalars import JSON
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)
BIG_INT: ScalarDefinition = strawberry.scalar(
    name="BigInt",
    description="A whole number up to 2^53 - 1, written as a JSON number.",
    serialize=int,
    parse_value=int,
)


def _described(kind: object, description: str) -> ScalarDefinition:
    return replace(DEFAULT_SCALAR_REGISTRY[kind], description=description, specified_by_url=None)


SCALARS: Mapping[Any, ScalarDefinition] = MappingProxyType(
    {
        BigInt: BIG_INT,
        dt.date: _described(dt.date, "A day as ISO 8601 writes it, such as 2026-01-31."),
        dt.datetime: _described(
            dt.datetime, "A moment in UTC as ISO 8601 writes it: 2026-01-31T08:30:00+00:00."
        ),
        Decimal: _described(Decimal, "An exact decimal number, written as a text."),
        JSON: _described(JSON, "Any JSON value."),
    }
)
