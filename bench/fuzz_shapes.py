"""Turns a generated document into one that gets further: known values, usable pages, variables.

Generated texts are never the id of a customer, and both `first` and `last` at once are refused, so
plain documents test the refusals only. Here each argument is left out, takes a value that the
server knows, takes one that servers stumble over, or stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NameNode,
    NonNullTypeNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_required_argument,
    parse_type,
    value_from_ast_untyped,
    visit,
)

from api.graphql.transport import UNUSABLE

Known = Mapping[str, Sequence[Any]]
"""Values that the server takes, by the argument, input field or scalar they fit."""

ODD_INTEGERS = ("0", "-1", "2147483647", "-2147483648", "2147483648", "9007199254740993", "1" * 40)
ODD_FLOATS = ("-0.0", "1e308", "1e-320", "1e400", "0.1", "-1")
ODD_TEXTS = (
    "",
    " ",
    "é",
    "e\u0301",
    "👩‍👩‍👧",
    "\u202eabc",
    "王",
    "\ufeff",
    "\uffff",
    "x" * 5_000,
    "%_\\'\"",
    "' OR 1=1 --",
    "../../etc",
    "NaN",
    "-Infinity",
    "9999-12-31",
    "0001-01-01",
    "2026-02-30",
    "0000-00-00T99:99",
    "9999-12-31T23:59:59.999999-23:59",
    "1e999999",
    "9" * 400,
    "{}",
    "[" * 40 + "]" * 40,
    '{"all": [' * 15 + "]}" * 15,
    "MQ==",
    "Q3VzdG9tZXI6OTk5OTk5OTk5OTk5OTk5OTk5OTk5",
)
ODD_PARTS: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    10**30,
    "",
    "NaN",
    "x" * 3_000,
    "\u202e王",
    [],
    {},
    [[[[[[[[[[]]]]]]]]]],
    {"all": []},
    {"not": {"not": {"any": [{"clv": {"gte": 1e308}}]}}},
    {"clv": {"between": [5, 1]}},
    {"segment": "champions"},
)
NAME = re.compile("[_A-Za-z][_0-9A-Za-z]*")
PAGE_SIZES = ("1", "2", "5", "20", "100")
DIRECTIONS = (("first", "after"), ("last", "before"))


def shaped(
    document: DocumentNode, schema: GraphQLSchema, known: Known, random: Random
) -> tuple[DocumentNode, dict[str, Any]]:
    """The document with other arguments, and the variables it then needs."""
    info = TypeInfo(schema)
    visitor = _Shaper(info, known, random)
    changed = visit(document, TypeInfoVisitor(info, visitor))
    if not visitor.variables:
        return changed, {}
    operation = changed.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)  # noqa: S101 - for the type checker
    operation.variable_definitions = tuple(visitor.definitions)
    return changed, visitor.variables


class _Shaper(Visitor):
    def __init__(self, info: TypeInfo, known: Known, random: Random) -> None:
        super().__init__()
        self._info = info
        self._known = known
        self._random = random
        self._with_variables = random.random() < 0.4
        self.definitions: list[VariableDefinitionNode] = []
        self.variables: dict[str, Any] = {}

    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode:
        field = self._info.get_field_def()
        declared = field.args if field is not None else {}
        dropped = set(self._random.choice(DIRECTIONS)) if "first" in declared else set()
        kept = []
        for argument in node.arguments:
            name = argument.name.value
            required = name in declared and is_required_argument(declared[name])
            leaves = name in dropped or (not required and self._random.random() < 0.3)
            # Most documents should name a page; what happens without is soon tried.
            if not leaves or (name in ("first", "last") and name not in dropped):
                kept.append(argument)
        copy = _copy(node)
        copy.arguments = tuple(kept)
        return copy

    def leave_argument(self, node: ArgumentNode, *_: Any) -> ArgumentNode:
        name = node.name.value
        value = self._value(name, node.value)
        kind = self._info.get_argument()
        if self._with_variables and kind is not None and self._random.random() < 0.5:
            value = self._variable(value, str(kind.type))
        copy = _copy(node)
        copy.value = value
        return copy

    def leave_object_field(self, node: ObjectFieldNode, *_: Any) -> ObjectFieldNode:
        copy = _copy(node)
        copy.value = self._value(node.name.value, node.value)
        return copy

    def _variable(self, value: ValueNode, kind: str) -> ValueNode:
        name = f"v{len(self.definitions)}"
        try:
            self.variables[name] = value_from_ast_untyped(value)
        except (TypeError, ValueError):
            return value
        variable = VariableNode(name=NameNode(value=name))
        declared = parse_type(kind)
        if isinstance(declared, NonNullTypeNode) and self._random.random() < 0.1:
            declared = declared.type
        self.definitions.append(
            VariableDefinitionNode(variable=variable, type=declared, directives=())
        )
        return variable

    def _value(self, name: str, value: ValueNode) -> ValueNode:
        if isinstance(value, ListValueNode):
            copy = _copy(value)
            copy.values = tuple(self._value(name, each) for each in value.values)
            return copy
        if isinstance(value, ObjectValueNode) and name not in self._known:
            return value
        chance = self._random.random()
        if chance < 0.15:
            return self._odd(value)
        if chance < 0.95:
            return self._usual(name, value)
        return value

    def _usual(self, name: str, value: ValueNode) -> ValueNode:
        if name in ("first", "last") and isinstance(value, IntValueNode):
            return IntValueNode(value=self._random.choice(PAGE_SIZES))
        if not isinstance(value, StringValueNode | ObjectValueNode):
            return value
        known = self._known.get(self._kind()) or self._known.get(name)
        if known:
            chosen = self._random.choice(known)
            return as_node(chosen if isinstance(chosen, str) else broken(chosen, self._random))
        if isinstance(value, StringValueNode):
            # Control characters are refused before anything else, so most documents go without.
            return StringValueNode(value=UNUSABLE.sub("", value.value))
        return value

    def _kind(self) -> str:
        kind = self._info.get_input_type()
        return "" if kind is None else str(get_named_type(kind))

    def _odd(self, value: ValueNode) -> ValueNode:
        if isinstance(value, IntValueNode):
            return IntValueNode(value=self._random.choice(ODD_INTEGERS))
        if isinstance(value, FloatValueNode):
            return FloatValueNode(value=self._random.choice(ODD_FLOATS))
        if isinstance(value, StringValueNode):
            return StringValueNode(value=self._random.choice(ODD_TEXTS))
        return value


def broken(document: Any, random: Random) -> Any:
    """The document as it is, or with one part dropped or replaced, anywhere in it."""
    if random.random() < 0.4:
        return document
    if not document or not isinstance(document, dict | list) or random.random() < 0.2:
        return random.choice(ODD_PARTS)
    at = random.choice(list(document) if isinstance(document, dict) else range(len(document)))
    changed = dict(document) if isinstance(document, dict) else list(document)
    if random.random() < 0.2:
        del changed[at]
    else:
        changed[at] = broken(document[at], random)
    return changed


def as_node(value: Any) -> ValueNode:
    """A JSON value as it is written in a document."""
    match value:
        case None:
            return NullValueNode()
        case bool():
            return BooleanValueNode(value=value)
        case int():
            return IntValueNode(value=str(value))
        case float():
            return FloatValueNode(value=repr(value))
        case dict():
            fields = [(name, as_node(each)) for name, each in value.items()]
            if all(isinstance(name, str) and NAME.fullmatch(name) for name, _ in fields):
                return ObjectValueNode(
                    fields=tuple(
                        ObjectFieldNode(name=NameNode(value=name), value=each)
                        for name, each in fields
                    )
                )
            return StringValueNode(value="{}")
        case list():
            return ListValueNode(values=tuple(as_node(each) for each in value))
    return StringValueNode(value=str(value))


def _copy(node: Any) -> Any:
    """Generated nodes are shared between documents, so they are never changed in place."""
    return type(node)(**{key: getattr(node, key, None) for key in node.keys})
