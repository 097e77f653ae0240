"""Who may use what: every operation, type and field with its scopes and roles, from the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from api.domain.keys import Caller
from api.domain.roles import ROLES, Role
from api.graphql.access import objects, opens, scopes_of, type_scope

ROUTES: Mapping[str, tuple[str, ...] | None] = MappingProxyType(
    {
        "POST /graphql": (),
        "GET /graphql": ("schema:read",),
        "GET /metrics": ("metrics:read",),
        "GET /exports/risk-scores.{format}": ("scores:read",),
        "POST /exports/risk-scores.{format}": ("scores:read",),
        "GET /policy": None,
        "GET /": None,
        "GET /health/live": None,
        "GET /health/ready": None,
        "GET /static/policy": None,
        "GET /static/graphiql": None,
    }
)
"""Scopes by route; empty: a key, and then what each field takes; none: open, holds no data.

GraphiQL's shell opens without a key too, as a browser sends none: what it shows, it asks for with
the key that is typed in.
"""
Kind = Literal["route", "query", "mutation", "type", "field"]


@dataclass(frozen=True)
class Line:
    kind: Kind
    place: str
    scopes: tuple[str, ...] | None
    """All of them are needed; none: open to everybody, empty: as the field that leads here."""
    roles: tuple[str, ...]
    """Those that can get there: the scopes of every field on some way are theirs."""


def matrix(schema: GraphQLSchema) -> Iterator[Line]:
    """Routes, operations, then each type with its fields."""
    callers = {name: _caller(role) for name, role in ROLES.items()}
    reached = {name: _reached(schema, caller) for name, caller in callers.items()}

    def roles(places: Iterable[str]) -> tuple[str, ...]:
        found = set(places)
        return tuple(name for name, open_places in reached.items() if open_places & found)

    for place, scopes in ROUTES.items():
        holders = [name for name, who in callers.items() if all(map(who.may, scopes or ()))]
        yield Line("route", place, scopes, tuple(holders))
    roots: dict[GraphQLObjectType | None, Kind] = {
        schema.query_type: "query",
        schema.mutation_type: "mutation",
    }
    for root, kind in roots.items():
        for name, field in sorted(root.fields.items() if root else ()):
            yield Line(kind, name, scopes_of(field), roles([f"{root}.{name}"]))
    for each in sorted(objects(schema), key=lambda found: found.name):
        if each not in roots:
            places = {name: f"{each.name}.{name}" for name in sorted(each.fields)}
            own = type_scope(each)
            yield Line("type", each.name, (own,) if own else (), roles(places.values()))
            for name, place in places.items():
                yield Line("field", place, scopes_of(each.fields[name]), roles([place]))


def _reached(schema: GraphQLSchema, caller: Caller) -> frozenset[str]:
    """Every field that some document of this caller gets to."""
    places: set[str] = set()
    waiting = [root for root in (schema.query_type, schema.mutation_type) if root]
    seen = set(waiting)
    while waiting:
        kind = waiting.pop()
        for name, field in kind.fields.items():
            if opens(field, caller):
                places.add(f"{kind.name}.{name}")
                for below in _objects_of(schema, get_named_type(field.type)):
                    if below not in seen:
                        seen.add(below)
                        waiting.append(below)
    return frozenset(places)


def _objects_of(schema: GraphQLSchema, kind: GraphQLNamedType) -> list[GraphQLObjectType]:
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        return schema.get_possible_types(kind)
    return [kind] if isinstance(kind, GraphQLObjectType) else []


def _caller(role: Role) -> Caller:
    owner = "somebody" if role.own_customers else None
    return Caller(None, "somebody", frozenset(role.scopes), owner)
