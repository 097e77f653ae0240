"""How types are declared here: nothing without a description, and typed for mypy.

Strawberry's own decorator erases the type of what it decorates.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import strawberry
from strawberry import UNSET
from strawberry.extensions import FieldExtension

from api.graphql.access import Requires
from api.graphql.choices import choice as choice
from api.graphql.language import Language, in_script

Method = TypeVar("Method", bound=Callable[..., Any])
LOADING = "loading"


def field(
    description: str,
    *,
    needs: Requires | None = None,
    name: str | None = None,
    converts: bool = True,
    extensions: Sequence[FieldExtension] = (),
) -> Callable[[Method], Method]:
    """A field that a method answers; `needs` is the scope a key must have to read it.

    A method with an argument `language` writes English or simplified Chinese; what it says is
    converted for readers of traditional Chinese, unless it does that itself (`converts=False`).
    """
    directives = [] if needs is None else [needs]

    def decorate(method: Method) -> Method:
        spoken = converts and "language" in inspect.signature(method).parameters
        declared: Any = strawberry.field(
            in_readers_script(method) if spoken else method,
            description=description,
            directives=directives,
            name=name,
            extensions=list(extensions),
        )
        return cast(Method, declared)

    return decorate


def in_readers_script(method: Callable[..., Any]) -> Callable[..., Any]:
    """Asks the method for simplified Chinese where the reader wants the other script."""

    def asked(self: Any, arguments: dict[str, Any]) -> Language:
        chosen: Language = arguments.get("language") or self.context.language
        if chosen is Language.ZH_HANT:
            arguments["language"] = Language.ZH_HANS
        return chosen

    @wraps(method)
    async def later(self: Any, **arguments: Any) -> Any:
        chosen = asked(self, arguments)
        return in_script(await method(self, **arguments), chosen)

    @wraps(method)
    def at_once(self: Any, **arguments: Any) -> Any:
        chosen = asked(self, arguments)
        return in_script(method(self, **arguments), chosen)

    return later if inspect.iscoroutinefunction(method) else at_once


@dataclass(frozen=True)
class Loading:
    """How a loaded field gets what it needs, and how it answers once that is there."""

    load: Callable[..., Awaitable[Any]]
    answer: Callable[..., Any]


def loaded(description: str, load: Callable[..., Awaitable[Any]]) -> Callable[[Method], Method]:
    """A field whose method reads (`known`) what `load` has loaded.

    Split in two so that a page of objects can load first and then answer without a task for each.
    """

    def decorate(method: Method) -> Method:
        @wraps(method)
        async def resolver(self: Any, **arguments: Any) -> Any:
            await load(self, **arguments)
            return method(self, **arguments)

        declared: Any = strawberry.field(
            resolver, description=description, metadata={LOADING: Loading(load, method)}
        )
        return cast(Method, declared)

    return decorate


def option(description: str, name: str | None = None) -> Any:
    """An entry of an input that may be left out."""
    return strawberry.field(default=UNSET, description=description, name=name)
