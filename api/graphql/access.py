"""Who may read or change what: declared beside each type and field, enforced here.

Deny by default: a root field or a type that says nothing stops the schema from being built, and a
root field that does not say what it shows to those who see their own customers only is closed to
them.

A field asks for what it declares itself, for what its own type asks for, and for what the type of
its value asks for. So no path leads around the guard of a type: neither `node`, nor a member of a
list, nor what a mutation answers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, cast

import strawberry
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    get_named_type,
)
from strawberry import UNSET
from strawberry.schema_directive import Location

from api.domain.keys import INCLUDED, OF_EVERYBODY, SCOPES, Caller
from api.errors import Forbidden
from api.graphql.trail import customer_of
from api.tracing import span, traced

Resolver = Callable[..., Any]
BACKREF = "strawberry-definition"
SCOPES_OF = "scopes"
EVERYBODY = "everybody"


@strawberry.enum(
    description="What a field of the query or mutation type shows to a caller who sees their own "
    "customers only."
)
class Rows(Enum):
    NONE = strawberry.enum_value("none", description="Nothing: it is refused.")
    OWN = strawberry.enum_value(
        "own", description="Their own customers; those of others are as if they did not exist."
    )
    ANY = strawberry.enum_value("any", description="All there is: it speaks of no customer.")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="requires",
    description="The scope a caller needs to use this field, or any field of this type; some "
    "scopes include others, and `admin` includes all. For a field of the query or mutation type "
    "also what it shows to a caller who sees their own customers only: nothing, unless it says.",
)
class Requires:
    scope: str = strawberry.directive_field(name="scope")
    rows: Rows | None = strawberry.directive_field(name="rows", default=UNSET)


@strawberry.schema_directive(
    locations=[Location.OBJECT],
    name="inherits",
    description="A part of other things: it takes the scopes of the field that leads to it.",
)
class Inherits:
    pass


@strawberry.schema_directive(
    locations=[Location.OBJECT],
    name="carries",
    description="A list, or an entry of one: it takes the scope of the things in it.",
)
class Carries:
    pass


CUSTOMERS = Requires(scope="customers:read")
PERSONAL = Requires(scope="pii:read")
STATISTICS = Requires(scope="statistics:read")
RULES = Requires(scope="rules:read")
SCORES = Requires(scope="scores:read")
POLICIES_WRITE = Requires(scope="policies:write")
SEGMENTS_WRITE = Requires(scope="segments:write")
STRATEGIES_WRITE = Requires(scope="strategies:write")
MEMBERS_WRITE = Requires(scope="segments:write", rows=Rows.OWN)
CUSTOMERS_WRITE = Requires(scope="customers:write", rows=Rows.OWN)
"""Whoever uses it finds the customer with `find_customer`, which knows the caller's owner."""
OWN_CUSTOMERS = Requires(scope="customers:read", rows=Rows.OWN)
OWN_STATISTICS = Requires(scope="statistics:read", rows=Rows.OWN)
OWN_RULES = Requires(scope="rules:read", rows=Rows.OWN)
"""Each statement in `api.db` that these lead to asks `Snapshot.visible`."""
CATALOGUE = Requires(scope="rules:read", rows=Rows.ANY)
MODELS = Requires(scope="statistics:read", rows=Rows.ANY)
"""Lead to no customer and to no number of them."""
AUDIT = Requires(scope="audit:read")
ADMIN = Requires(scope="admin")
INHERITED = Inherits()
ITEMS = Carries()


def scopes_of(field: GraphQLField) -> tuple[str, ...]:
    """The scopes that a field of the guarded schema takes, all of them."""
    return cast("tuple[str, ...]", field.extensions.get(SCOPES_OF, ()))


def rows_of(field: GraphQLField) -> Rows:
    """What a field of the query or mutation type shows to who sees their own customers only."""
    definition = field.extensions.get(BACKREF)
    declared = (each for each in getattr(definition, "directives", ()))
    found = next((each.rows for each in declared if isinstance(each, Requires)), None)
    return found if isinstance(found, Rows) else Rows.NONE


def opens(field: GraphQLField, caller: Caller) -> bool:
    if caller.owner is not None and EVERYBODY in field.extensions:
        return False
    return all(caller.may(scope) for scope in scopes_of(field))


def objects(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    """The object types that we declare, in the schema's order."""
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            yield kind


def enforce(schema: GraphQLSchema) -> None:
    """Put a guard before the resolver of each field that takes a scope.

    Raises:
        LookupError: a root field or a type declares nothing, or a scope that no key can have.
    """
    roots = (schema.query_type, schema.mutation_type)
    for kind in objects(schema):
        own = None if kind in roots else type_scope(kind)
        for name, field in kind.fields.items():
            place = f"{kind.name}.{name}"
            declared = _declared(field, place)
            if kind in roots and declared is None:
                raise LookupError(f"{place} declares no scope")
            named = get_named_type(field.type)
            below = type_scope(named) if isinstance(named, GraphQLObjectType) else None
            scopes = _needed(own, below, declared)
            if scopes:
                field.extensions[SCOPES_OF] = scopes
                everybody = kind in roots and rows_of(field) is Rows.NONE
                if everybody:
                    field.extensions[EVERYBODY] = True
                field.resolve = _guarded(field.resolve, scopes, place, everybody=everybody)
            if kind in roots and field.resolve is not None:
                field.resolve = _spanned(field.resolve, place)


def _needed(*scopes: str | None) -> tuple[str, ...]:
    """Each scope once, without those that another always brings along."""
    asked = dict.fromkeys(scope for scope in scopes if scope)
    brought = {each for scope in asked for each in INCLUDED.get(scope, ()) if each != OF_EVERYBODY}
    return tuple(scope for scope in asked if scope not in brought or scope == "admin")


def type_scope(kind: GraphQLObjectType) -> str | None:
    """The scope that every field of a type takes; none where it inherits.

    Raises:
        LookupError: the type declares nothing.
    """
    definition = kind.extensions.get(BACKREF)
    for directive in getattr(definition, "directives", None) or ():
        if isinstance(directive, Requires):
            return _known(directive.scope, kind.name)
        if isinstance(directive, Carries):
            item = kind.fields.get("node") or kind.fields["edges"]
            return type_scope(cast(GraphQLObjectType, get_named_type(item.type)))
        if isinstance(directive, Inherits):
            return None
    raise LookupError(
        f"The type {kind.name} declares no scope: give @strawberry.type(..., "
        "directives=[CUSTOMERS]) or another of api.graphql.access, or [INHERITED] for a part of "
        "other things"
    )


def _declared(field: GraphQLField, place: str) -> str | None:
    definition = field.extensions.get(BACKREF)
    for directive in getattr(definition, "directives", ()):
        if isinstance(directive, Requires):
            return _known(directive.scope, place)
    return None


def _known(scope: str, place: str) -> str:
    if scope not in SCOPES:
        raise LookupError(f"{place} needs the unknown scope {scope}")
    return scope


def _spanned(resolve: Resolver, place: str) -> Resolver:
    """Root fields are parts of a trace, where there is one."""

    def resolved(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        if traced():
            return in_span(source, info, arguments)
        return resolve(source, info, **arguments)

    async def in_span(source: Any, info: GraphQLResolveInfo, arguments: dict[str, Any]) -> Any:
        with span(place):
            answer = resolve(source, info, **arguments)
            return await answer if inspect.isawaitable(answer) else answer

    return resolved


def _guarded(
    resolve: Resolver | None, scopes: tuple[str, ...], place: str, *, everybody: bool
) -> Resolver:
    """`everybody`: it is about all customers, so it is not for who sees their own only."""
    if resolve is None:
        raise LookupError(f"{place} has no resolver to guard")

    def guarded(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        caller = info.context.caller
        for scope in scopes:
            if not caller.may(scope):
                raise Forbidden(f"{place} needs a key with the scope {scope}.")
        if everybody and caller.owner is not None:
            raise Forbidden(f"{place} is about all customers, and this key sees its owner's only.")
        return resolve(source, info, **arguments)

    def noted(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        answer = guarded(source, info, **arguments)
        info.context.personal.note(place, customer_of(source))
        return answer

    return noted if PERSONAL.scope in scopes else guarded
