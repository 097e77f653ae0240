"""Opaque global ids: a type's name and a row's number in base64; stable, and no secret."""

from __future__ import annotations

import base64
import binascii

import strawberry

LARGEST_ROW = 2**63 - 1


@strawberry.interface(description="Anything with an id that `node` can find again.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque and stable; unique among all things, not only among those of its type."
    )


def global_id(kind: str, row: int) -> strawberry.ID:
    return strawberry.ID(base64.urlsafe_b64encode(f"{kind}:{row}".encode()).decode())


def parse_id(text: str) -> tuple[str, int] | None:
    """The type and the row; none where this can't be one of our ids, like an id of nothing."""
    try:
        kind, _, row = base64.urlsafe_b64decode(text.encode()).decode("ascii").partition(":")
        number = int(row)
    except (ValueError, UnicodeError, binascii.Error):
        return None
    if not 0 < number <= LARGEST_ROW or global_id(kind, number) != text:
        return None
    return kind, number


def row_of(kind: str, text: str) -> int | None:
    """The row an id of this type means; none for another type's id."""
    found = parse_id(text)
    return found[1] if found is not None and found[0] == kind else None
