"""How types are declared here: nothing without a description, and typed for mypy.

Strawberry's own decorator erases the type of what it decorates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry
from strawberry import UNSET

from api.graphql.access import Requires

Method = TypeVar("Method", bound=Callable[..., Any])


def field(
    description: str, *, needs: Requires | None = None, name: str | None = None
) -> Callable[[Method], Method]:
    """A field that a method answers; `needs` is the scope a key must have to read it."""
    directives = [] if needs is None else [needs]
    decorator: Callable[[Method], Method] = strawberry.field(
        description=description, directives=directives, name=name
    )
    return decorator


def option(description: str, name: str | None = None) -> Any:
    """An entry of an input that may be left out."""
    return strawberry.field(default=UNSET, description=description, name=name)


def choice(value: str, description: str) -> Any:
    """A value of an enum, as it is stored."""
    return strawberry.enum_value(value, description=description)
