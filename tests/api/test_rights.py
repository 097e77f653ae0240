"""Every field of the schema, asked for by who lacks its scope and by who has it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)

from api.db.engine import make_engine
from api.db.keys import create_key
from api.domain.keys import INCLUDED, SCOPES, Caller
from api.errors import Forbidden
from api.graphql.access import objects, scopes_of, type_scope
from api.graphql.schema import SDL_PATH, executable_schema
from tests.api.conftest import Api, clock, running, seed

SDL = build_schema(SDL_PATH.read_text(encoding="utf-8"))
SCHEMA = executable_schema()
VALUES = {
    "externalId": '"C00002"',
    "first": "1",
    "from": '"2026-01-31"',
    "to": '"2026-02-28"',
    "key": '"loyal"',
    "ids": "[]",
}
KINDS = {
    "String": '"x"',
    "ID": '"x"',
    "Int": "1",
    "Float": "1.0",
    "Boolean": "true",
    "Date": '"2026-01-01"',
    "DateTime": '"2026-01-01T00:00:00Z"',
    "Decimal": '"1"',
    "JSON": "{}",
}
UNREACHED = {
    "BoundaryCustomer": "no classification here has a boundary",
    "ClassBoundary": "no classification here has a boundary",
    "Consent": "this customer gave none",
    "CustomerCase": "this customer has none",
    "StatedIntent": "this customer stated none",
    "StrategyAction": "this customer has none",
    "NearCut": "an empty policy is refused before it is simulated",
    "TierEdge": "an empty policy is refused before it is simulated",
    "TierSimulation": "an empty policy is refused before it is simulated",
}
"""Types that the generated documents get no object of, so no guard below has anything to guard;
the test above tries those by themselves."""


def without(scope: str) -> list[str]:
    """Every scope but those that bring this one along, and itself."""
    return [each for each in SCOPES if each != scope and scope not in INCLUDED.get(each, ())]


def covered(scopes: tuple[str, ...]) -> set[str]:
    """These scopes with those that they always bring along."""
    return {*scopes, *(each for scope in scopes for each in INCLUDED.get(scope, ()))}


def fields() -> Iterator[tuple[str, GraphQLObjectType, str, GraphQLField]]:
    for kind in objects(SCHEMA):
        for name, field in kind.fields.items():
            yield f"{kind.name}.{name}", kind, name, field


GUARDED = {place: scopes_of(field) for place, _, _, field in fields() if scopes_of(field)}


def test_every_field_takes_a_scope_or_is_part_of_what_does() -> None:
    for place, kind, _, field in fields():
        below = get_named_type(field.type)
        inherits = kind not in (SCHEMA.query_type, SCHEMA.mutation_type) and not type_scope(kind)
        assert scopes_of(field) or inherits, place
        if isinstance(below, GraphQLObjectType) and type_scope(below):
            assert type_scope(below) in covered(scopes_of(field)), place


def test_a_type_that_says_nothing_stops_the_schema() -> None:
    with pytest.raises(LookupError, match="Silent declares no scope"):
        type_scope(GraphQLObjectType("Silent", {}))


class Source:
    """Stands for any object: whoever asks it for anything has got past the guard."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was read")


class Asking:
    def __init__(self, caller: Caller) -> None:
        self.context = type("Context", (), {"caller": caller})


def test_the_guard_of_a_field_comes_before_anything_is_read() -> None:
    for place, _, _, field in fields():
        for scope in scopes_of(field):
            caller = Caller(1, "all but one", frozenset(without(scope)))
            with pytest.raises(Forbidden, match=place):
                field.resolve(Source(), Asking(caller))


def written(kind: GraphQLInputType, name: str) -> str:
    """A value for a required argument or entry, as a document writes it."""
    if isinstance(kind, GraphQLNonNull):
        return written(kind.of_type, name)
    if name in VALUES:
        return VALUES[name]
    if isinstance(kind, GraphQLList):
        return f"[{written(kind.of_type, name)}]"
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        needed = {key: each for key, each in kind.fields.items() if is_required_input_field(each)}
        entries = ", ".join(f"{key}: {written(each.type, key)}" for key, each in needed.items())
        return f"{{{entries}}}"
    return KINDS[kind.name]  # type: ignore[union-attr]


def asked(field: GraphQLField, name: str) -> str:
    """A field with what it requires."""
    arguments = {
        key: written(each.type, key)
        for key, each in field.args.items()
        if is_required_argument(each) or key == "first" or (name, key) == ("customer", "externalId")
    }
    given = ", ".join(f"{key}: {value}" for key, value in arguments.items())
    return f"{name}({given})" if given else name


def ways() -> dict[str, tuple[str, ...]]:
    """The shortest way to each type from a root, field by field."""
    found: dict[str, tuple[str, ...]] = {"Query": (), "Mutation": ()}
    waiting = ["Query", "Mutation"]
    while waiting:
        name = waiting.pop(0)
        kind = SDL.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        for key, field in kind.fields.items():
            below = get_named_type(field.type)
            if isinstance(below, GraphQLObjectType) and below.name not in found:
                found[below.name] = (*found[name], f"{name}.{key}")
                waiting.append(below.name)
    return found


WAYS = ways()


def document(place: str) -> str:
    """The least document that asks for a field."""
    steps = [*WAYS[place.partition(".")[0]], place]
    inner = ""
    for step in reversed(steps):
        kind, _, name = step.partition(".")
        field = SDL.type_map[kind].fields[name]  # type: ignore[attr-defined]
        leaf = isinstance(get_named_type(field.type), GraphQLObjectType) or name in (
            "node",
            "nodes",
        )
        inner = f"{asked(field, name)} {inner or ('{ __typename }' if leaf else '')}"
        inner = f"{{ {inner} }}"
    return ("mutation " if steps[0].startswith("Mutation") else "") + inner


def value_at(data: Any, place: str) -> list[Any]:
    """All values that an answer has for a field."""
    found = [data]
    for step in (*WAYS[place.partition(".")[0]], place):
        name = step.partition(".")[2]
        found = [each.get(name) for each in found if isinstance(each, dict)]
        found = [one for each in found for one in (each if isinstance(each, list) else [each])]
    return [each for each in found if each is not None]


@pytest.fixture(scope="module")
def database(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    path = tmp_path_factory.mktemp("rights") / "echelon.db"
    shutil.copy(sqlite_template, path)
    engine = make_engine(f"sqlite:///{path}")
    keys = seed(engine)
    for scope in SCOPES:
        keys[f"no {scope}"] = create_key(engine, f"all but {scope}", without(scope), None, clock)
    return f"sqlite:///{path}", keys


@pytest.fixture
async def asking(database: tuple[str, Any]) -> AsyncIterator[Api]:
    async with running(*database, settings={"points_at_once": 1e9}) as api:
        yield api


def refusals(answer: dict[str, Any]) -> list[str]:
    return [
        error["message"]
        for error in answer.get("errors", ())
        if error["extensions"]["code"] == "FORBIDDEN"
    ]


@pytest.mark.parametrize("kind", sorted({place.partition(".")[0] for place in GUARDED}))
async def test_a_document_gets_a_field_with_its_scopes_only(asking: Api, kind: str) -> None:
    for place in (each for each in GUARDED if each.startswith(f"{kind}.")):
        text = document(place)
        for scope in GUARDED[place]:
            answer = (await asking.send(text, f"no {scope}")).json()
            bringing = (scope, *(each for each in INCLUDED if scope in INCLUDED[each]))
            named = any(each in message for each in bringing for message in refusals(answer))
            assert named or kind in UNREACHED, (scope, text, answer)
            assert value_at(answer.get("data"), place) == [], (scope, text, answer)
        answer = (await asking.send(text, "admin")).json()
        assert refusals(answer) == [], (text, answer)
        assert not any(
            error["extensions"]["code"] == "VALIDATION_FAILED" for error in answer.get("errors", ())
        ), answer
