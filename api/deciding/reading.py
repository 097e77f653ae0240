"""Documents read once however often they decide: a single customer is decided in milliseconds."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar, cast

from api.domain.fields import Field

T = TypeVar("T")
PLAIN = 2
"""Marshal's version without references: equal bytes for equal documents, ten times JSON's speed."""
Parse = Callable[[Any, int, Mapping[str, Field]], Any]


@dataclass(frozen=True)
class _Given:
    """Equal when what is read is the same."""

    content: bytes
    exponent: int
    known: tuple[object, ...]
    documents: Any = field(compare=False)
    fields: Mapping[str, Field] = field(compare=False)


def read_once(
    parse: Callable[[Any, int, Mapping[str, Field]], T],
    documents: Any,
    exponent: int,
    fields: Mapping[str, Field],
) -> T:
    """What `parse` makes of JSON-able documents; it is a pure function that returns frozen data.

    Raises:
        InvalidInput: as `parse` does.
    """
    known = tuple(
        (each, each.whole, each.lowest, each.highest, each.choices) for each in fields.values()
    )
    given = _Given(marshal.dumps(documents, PLAIN), exponent, known, documents, fields)
    return cast(T, _read(parse, given))


@lru_cache(maxsize=16)
def _read(parse: Parse, given: _Given) -> Any:
    return parse(given.documents, given.exponent, given.fields)
