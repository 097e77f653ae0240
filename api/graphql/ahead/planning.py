"""From a selection to the columns it takes and the steps that make its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    is_non_null_type,
)
from graphql.execution.collect_fields import collect_sub_fields
from graphql.execution.values import get_argument_values
from sqlalchemy import literal

from api.db.ahead.levels import Level, as_json
from api.graphql.access import PERSONAL, opens, scopes_of
from api.graphql.ahead.connections import plan_inner
from api.graphql.ahead.shapes import (
    Access,
    Arguments,
    Documents,
    Entry,
    Many,
    One,
    Paged,
    Part,
    Shape,
    Unplanned,
    Value,
)
from api.graphql.ahead.steps import (
    Constant,
    Leaf,
    Lists,
    Objects,
    Optional,
    Papers,
    Step,
    Told,
)

Nodes = list[FieldNode]


@dataclass
class Planner:
    """Plans the selections of one root field."""

    info: GraphQLResolveInfo
    access: Access

    def fields(self, kind: GraphQLObjectType, nodes: Nodes) -> Mapping[str, Nodes]:
        info = self.info
        return collect_sub_fields(info.schema, info.fragments, info.variable_values, kind, nodes)

    def object(self, shape: Shape, nodes: Nodes, level: Level) -> Objects:
        """The steps for the objects of a level, which gets the columns they read."""
        kind = cast(GraphQLObjectType, self.info.schema.type_map[shape.type])
        names, steps = [], []
        for name, below in self.fields(kind, nodes).items():
            names.append(name)
            steps.append(self._field(shape, kind, below, level))
        return Objects(tuple(names), tuple(steps))

    def _field(self, shape: Shape, kind: GraphQLObjectType, nodes: Nodes, level: Level) -> Step:
        name = nodes[0].name.value
        if name == "__typename":
            return Constant(kind.name)
        part, field = shape.fields.get(name), kind.fields.get(name)
        if part is None or field is None or not opens(field, self.access.caller):
            raise Unplanned
        # What is personal is noted where it is read, which only the usual way does.
        if PERSONAL.scope in scopes_of(field):
            raise Unplanned
        return self._part(part, field, nodes, level)

    def _part(self, part: Part, field: GraphQLField, nodes: Nodes, level: Level) -> Step:
        arguments = self.arguments(field, nodes[0])
        nullable = not is_non_null_type(field.type)
        match part:
            case Value():
                if part.join is not None:
                    level.join(part.join)
                places = tuple(level.place(column) for column in part.columns)
                return Leaf(places, part.convert, arguments, nullable, level.nested)
            case Entry():
                return Told(part.name, part.convert, arguments, nullable)
            case One():
                if part.join is not None:
                    level.join(part.join)
                below = self.object(part.shape, nodes, level)
                return Optional(level.place(part.present), nullable, below)
            case Documents():
                if part.join is not None:
                    level.join(part.join)
                places = tuple(level.place(column) for column in part.columns)
                below = self.object(part.shape, nodes, level)
                return Papers(places, part.read, part.many, nullable, level.nested, below)
            case Many():
                return self._many(part, arguments, nodes, level)
            case Paged():
                return plan_inner(self, part, field, nodes, level)
        raise Unplanned

    def _many(self, part: Many, arguments: Arguments, nodes: Nodes, level: Level) -> Step:
        if not part.accepts(arguments):
            raise Unplanned
        inner = part.level()
        for column in part.always:
            inner.place(column)
        below = self.object(part.shape, nodes, inner)
        if not inner.columns:
            inner.place(literal(1))
        place = level.place(as_json(part.rows(inner, arguments, self.access), level))
        return Lists(place, len(inner.columns), level.nested, arguments, part.kept, below)

    def arguments(self, field: GraphQLField, node: FieldNode) -> dict[str, Any]:
        """The arguments that are given, if they need no conversion by anybody else.

        Raises:
            Unplanned: they do, or the usual way would refuse them.
        """
        try:
            found = get_argument_values(field, node, self.info.variable_values)
        except GraphQLError:
            raise Unplanned from None
        given = {name: value for name, value in found.items() if value is not None}
        if not all(isinstance(each, Enum | int) for each in given.values()):
            raise Unplanned
        return given
