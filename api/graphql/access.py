"""Who may read or change what: declared beside the field, shown in the schema, enforced here.

Deny by default: a root field that names no scope stops the schema from being built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.schema_directive import Location

from api.domain.keys import SCOPES
from api.errors import Forbidden
from api.graphql.trail import customer_of

Resolver = Callable[..., Any]
BACKREF = "strawberry-definition"


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requires",
    description="The scope a key needs to use this field; `admin` includes every scope.",
)
class Requires:
    scope: str = strawberry.directive_field(name="scope")


CUSTOMERS = Requires(scope="customers:read")
PERSONAL = Requires(scope="pii:read")
SCORES = Requires(scope="scores:read")
POLICIES_WRITE = Requires(scope="policies:write")
SEGMENTS_WRITE = Requires(scope="segments:write")
STRATEGIES_WRITE = Requires(scope="strategies:write")
CUSTOMERS_WRITE = Requires(scope="customers:write")
AUDIT = Requires(scope="audit:read")
ADMIN = Requires(scope="admin")


def scope_of(field: GraphQLField) -> str | None:
    """The scope a field was declared with."""
    definition = field.extensions.get(BACKREF)
    for directive in getattr(definition, "directives", ()):
        if isinstance(directive, Requires):
            return directive.scope
    return None


def enforce(schema: GraphQLSchema) -> None:
    """Put a guard before the resolver of each field that declares a scope.

    Raises:
        LookupError: a root field declares none, or one that no key can have.
    """
    for name, kind in schema.type_map.items():
        if not isinstance(kind, GraphQLObjectType) or name.startswith("__"):
            continue
        for field_name, field in kind.fields.items():
            scope = scope_of(field)
            if scope is None and kind in (schema.query_type, schema.mutation_type):
                raise LookupError(f"{name}.{field_name} declares no scope")
            if scope is not None:
                if scope not in SCOPES:
                    raise LookupError(f"{name}.{field_name} needs the unknown scope {scope}")
                field.resolve = _guarded(field.resolve, scope, f"{name}.{field_name}")


def _guarded(resolve: Resolver | None, scope: str, place: str) -> Resolver:
    if resolve is None:
        raise LookupError(f"{place} has no resolver to guard")

    def guarded(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        if not info.context.caller.may(scope):
            raise Forbidden(f"{place} needs a key with the scope {scope}.")
        return resolve(source, info, **arguments)

    def noted(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        answer = guarded(source, info, **arguments)
        info.context.personal.note(place, customer_of(source))
        return answer

    return noted if scope == PERSONAL.scope else guarded
