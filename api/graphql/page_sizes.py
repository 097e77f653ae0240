"""How many entries a field asks for, as its arguments and the request's variables say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ValueNode,
    VariableNode,
)

PAGE_ARGUMENTS = ("first", "last", "ids")
LARGEST_SIZE = 10**12
"""Larger page sizes count as this: Python is slow to write numbers of thousands of digits."""


class PageSizes:
    """Reads the page sizes of one request: those it gives, or else the largest default."""

    def __init__(self, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._given = variables
        self._defaults: dict[str, int] = {}
        self.names: set[str] = set()
        """Variables that were asked for a page size."""
        for definition in document.definitions:
            for variable in getattr(definition, "variable_definitions", None) or ():
                size = _literal(variable.default_value)
                # Operations may give one name different defaults; any may be executed.
                name = variable.variable.name.value
                self._defaults[name] = max(self._defaults.get(name, 0), size or 0)

    def of(self, node: FieldNode) -> int | None:
        """The page size that a field is given; none if it is given none."""
        sizes = [
            size
            for argument in node.arguments
            if argument.name.value in PAGE_ARGUMENTS
            and (size := self._size(argument.value)) is not None
        ]
        return min(max(sizes), LARGEST_SIZE) if sizes else None

    def _size(self, value: ValueNode) -> int | None:
        if not isinstance(value, VariableNode):
            return _literal(value)
        self.names.add(value.name.value)
        return self.of_variable(value.name.value)

    def of_variable(self, name: str) -> int | None:
        if name in self._given:
            return _variable(self._given[name])
        return self._defaults.get(name) or None


def _variable(given: Any) -> int | None:
    """Whatever graphql-core would read as a number or as a list."""
    if given is None:
        return None
    if isinstance(given, list):
        return len(given)
    if isinstance(given, int):
        return max(given, 0)
    if isinstance(given, float) and math.isfinite(given):
        return max(int(given), 0)
    return 1  # a single thing stands for a list of one; anything else is refused


def _literal(value: ValueNode | None) -> int | None:
    if value is None or isinstance(value, NullValueNode):
        return None
    if isinstance(value, IntValueNode):
        return max(int(value.value[:13]), 0)
    return len(value.values) if isinstance(value, ListValueNode) else 1
