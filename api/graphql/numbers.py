"""Numbers that GraphQL's own 32-bit integers can't hold."""

from __future__ import annotations

from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)
BIG_INT: ScalarDefinition = strawberry.scalar(
    name="BigInt",
    description="A whole number up to 2^53 - 1, written as a JSON number.",
    serialize=int,
    parse_value=int,
)
