"""What is wrong with an answer, and what came back in all, by field."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    is_abstract_type,
    parse,
)

SERVER_FAULTS = ("INTERNAL",)
TIME_OUTS = ("TIMEOUT",)


@dataclass
class Tally:
    """What came back for one field."""

    cases: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    faults: int = 0


def faults_of(answer: httpx.Response, query: str, schema: GraphQLSchema) -> Iterator[str]:
    """What no answer may be: a server's error, an error without a code, data unlike the schema."""
    if answer.status_code >= 500:
        yield f"status {answer.status_code}"
    try:
        content = answer.json()
    except ValueError:
        yield "no JSON"
        return
    if not isinstance(content, dict) or not content.keys() & {"data", "errors"}:
        yield "neither data nor errors"
        return
    for code in codes_of(content):
        if not code:
            yield "an error without a code"
        elif code in SERVER_FAULTS or code in TIME_OUTS:
            yield code
    if not content.get("errors") and content.get("data") is None:
        yield "no data and no error"
    if content.get("data") is not None:
        yield from unlike(content["data"], query, schema)


def codes_of(content: dict[str, Any]) -> list[str]:
    """The code of each error, empty where there is none."""
    errors = content.get("errors", ())
    return [str((error.get("extensions") or {}).get("code") or "") for error in errors]


def outcome_of(content: dict[str, Any]) -> str:
    """Of an answer without errors: whether a change was made or had something to mend."""
    mistakes = [
        each
        for each in content["data"].values()
        if isinstance(each, dict) and each.get("userErrors")
    ]
    return "userErrors" if mistakes else "data"


def unlike(data: dict[str, Any], query: str, schema: GraphQLSchema) -> Iterator[str]:
    """Where the data is not what the schema and the document promise.

    Plain fields are answered without graphql-core, which would have seen to it.
    """
    operation = parse(query).definitions[0]
    if not isinstance(operation, OperationDefinitionNode):
        return
    root = schema.get_root_type(operation.operation)
    if root is not None:
        yield from _unlike_object(data, operation.selection_set, root, schema, root.name)


def _unlike_object(
    data: Any, chosen: SelectionSetNode, kind: GraphQLObjectType, schema: GraphQLSchema, at: str
) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f"{at} is no object"
        return
    for selection in chosen.selections:
        if isinstance(selection, InlineFragmentNode | FragmentSpreadNode):
            continue
        name = (selection.alias or selection.name).value
        declared = kind.fields.get(selection.name.value)
        if name not in data:
            yield f"{at}.{name} is missing"
        elif declared is not None:
            yield from _unlike(data[name], declared.type, selection, schema, f"{at}.{name}")


def _unlike(
    value: Any, kind: GraphQLOutputType, node: FieldNode, schema: GraphQLSchema, at: str
) -> Iterator[str]:
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            yield f"{at} is null"
        kind = kind.of_type
    if value is None:
        return
    if isinstance(kind, GraphQLList):
        if not isinstance(value, list):
            yield f"{at} is no list"
            return
        for each in value:
            yield from _unlike(each, kind.of_type, node, schema, at)
    elif isinstance(kind, GraphQLObjectType) and node.selection_set is not None:
        yield from _unlike_object(value, node.selection_set, kind, schema, at)
    elif isinstance(kind, GraphQLEnumType) and value not in kind.values:
        yield f"{at} is none of {kind.name}"
    elif not is_abstract_type(kind) and not _fits(value, str(kind)):
        yield f"{at} is no {kind}"


def _fits(value: Any, scalar: str) -> bool:
    kinds: dict[str, tuple[type, ...]] = {
        "Int": (int,),
        "BigInt": (int,),
        "Float": (int, float),
        "Boolean": (bool,),
        "JSON": (object,),
    }
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, bool) and scalar != "Boolean":
        return scalar == "JSON"
    return isinstance(value, kinds.get(scalar, (str,)))
