"""Documents made from the schema itself: one that asks a field for everything below it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

PAGE = "first: 100"


def leads_to(schema: GraphQLSchema, field: GraphQLField, wanted: frozenset[str]) -> bool:
    """Whether some path below a field ends in one of the `wanted`: names of types or fields."""
    seen: set[str] = set()
    waiting = [get_named_type(field.type)]
    while waiting:
        kind = waiting.pop()
        if kind.name in wanted:
            return True
        if kind.name in seen:
            continue
        seen.add(kind.name)
        if isinstance(kind, GraphQLInterfaceType):
            waiting += schema.get_possible_types(kind)
        elif isinstance(kind, GraphQLObjectType):
            if wanted & kind.fields.keys():
                return True
            waiting += [get_named_type(each.type) for each in kind.fields.values()]
    return False


class Everything:
    """Writes selections; `given` holds by `Type.field` the arguments a field can't do without.

    Fields `left_out`, named likewise, are never asked for.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        given: Mapping[str, str],
        left_out: Collection[str] = (),
    ) -> None:
        self._schema = schema
        self._given = given
        self._left_out = left_out

    def ask(self, name: str) -> str:
        """A query for one root field with all that lies below it.

        Raises:
            LookupError: a field has required arguments that nobody has given.
        """
        root = self._schema.query_type
        assert root is not None
        field = root.fields[name]
        below = self._below(get_named_type(field.type), (), "")
        return f"{{ {self._call('Query', name, field)} {below} }}"

    def _call(self, kind: str, name: str, field: GraphQLField) -> str:
        given = self._given.get(f"{kind}.{name}")
        needed = [each for each, argument in field.args.items() if is_required_argument(argument)]
        if given is None and needed:
            raise LookupError(f"say what to ask {kind}.{name} with: {', '.join(needed)}")
        paged = "first" in field.args and "first:" not in (given or "")
        parts = [each for each in (given, PAGE if paged else None) if each]
        return f"{name}({', '.join(parts)})" if parts else name

    def _below(self, kind: GraphQLNamedType, path: tuple[str, ...], prefix: str) -> str:
        if is_leaf_type(kind):
            return ""
        if isinstance(kind, GraphQLInterfaceType):
            parts = [
                f"... on {each.name} {self._below(each, path, f'{each.name}_')}"
                for each in self._schema.get_possible_types(kind)
            ]
            return f"{{ __typename {' '.join(parts)} }}"
        assert isinstance(kind, GraphQLObjectType)
        found = []
        for name, field in kind.fields.items():
            below = get_named_type(field.type)
            if below.name in path or f"{kind.name}.{name}" in self._left_out:
                continue
            call = self._call(kind.name, name, field)
            alias = f"{prefix}{name}: " if prefix else ""
            found.append(f"{alias}{call} {self._below(below, (*path, kind.name), '')}")
        return f"{{ __typename {' '.join(found)} }}"
