"""What the schema changes for who builds on the last release, and whether the changelog says so.

    python -m api.schema_changes            compare, and fail where the changelog is silent
    python -m api.schema_changes release    take the present schema as released

A change that can break a client is named in the changelog under Unreleased by its coordinate, such
as `Customer.name`: under Changed or Removed, or anywhere there if it is only dangerous.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
)

from api.graphql.schema import SDL_PATH

RELEASED_PATH = SDL_PATH.with_name("released.graphql")
CHANGELOG_PATH = Path(__file__).parent.parent / "CHANGELOG.md"
HARMLESS = frozenset(
    ("OPTIONAL_ARG_ADDED", "OPTIONAL_INPUT_FIELD_ADDED", "IMPLEMENTED_INTERFACE_ADDED")
)
"""What graphql-core calls dangerous but can't change any answer that clients had before."""
NAMED = (
    re.compile(r"A required (?:arg|field) (?P<part>\w+) on (?:input type )?(?P<whole>[\w.]+) was"),
    re.compile(r"(?P<part>\w+) was (?:removed from|added to) (?:enum|union) type (?P<whole>\w+)\."),
    re.compile(r"(?P<whole>[\w.]+) arg (?P<part>\w+) "),
    re.compile(r"(?P<whole>[\w.]+) "),
)
DEPRECATION = re.compile(r"Since (\d{4}-\d{2}-\d{2}), use `([A-Za-z_]\w*(?:\.\w+)?)`[.:]")
FORM = "Since 2026-01-31, use `Type.field`."


@dataclass(frozen=True)
class Change:
    coordinate: str
    description: str
    breaking: bool


def changes(old: GraphQLSchema, new: GraphQLSchema) -> list[Change]:
    """What may break clients of the old schema."""
    found = [
        Change(_coordinate(each.description), each.description, True)
        for each in find_breaking_changes(old, new)
    ]
    return found + [
        Change(_coordinate(each.description), each.description, False)
        for each in find_dangerous_changes(old, new)
        if each.type.name not in HARMLESS
    ]


def _coordinate(description: str) -> str:
    """`Type`, `Type.field` or `Enum.VALUE`; an argument counts as its field."""
    for pattern in NAMED:
        if found := pattern.match(description):
            parts = found.groupdict()
            whole, part = parts["whole"], parts.get("part")
            return whole if part is None or "." in whole else f"{whole}.{part}"
    raise LookupError(f"no coordinate in {description!r}")


def sections(changelog: str) -> dict[str, str]:
    """What stands under Unreleased, by heading."""
    unreleased = re.split(r"^## ", changelog, flags=re.MULTILINE)[1]
    found: dict[str, str] = {}
    for section in re.split(r"^### ", unreleased, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        found[heading.strip()] = found.get(heading.strip(), "") + text
    return found


def unmentioned(found: list[Change], changelog: str) -> list[Change]:
    """Changes that the changelog does not name."""
    said = sections(changelog)
    loud = "\n".join(said.get(heading, "") for heading in ("Changed", "Removed"))
    everything = "\n".join(said.values())
    return [
        each
        for each in found
        if f"`{each.coordinate}`" not in (loud if each.breaking else everything)
    ]


def bad_deprecations(schema: GraphQLSchema) -> Iterator[str]:
    """Deprecations that do not say since when, and what to use instead."""
    for coordinate, reason in _deprecations(schema):
        said = DEPRECATION.match(reason)
        if said is None:
            yield f"{coordinate}: say it so: {FORM}"
        elif not _exists(schema, said[2]):
            yield f"{coordinate}: there is no {said[2]}"


def _deprecations(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLEnumType):
            parts = dict(kind.values)
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            parts = dict(kind.fields)
        else:
            continue
        for part_name, part in parts.items():
            if part.deprecation_reason is not None:
                yield f"{name}.{part_name}", part.deprecation_reason
            for argument_name, argument in getattr(part, "args", {}).items():
                if argument.deprecation_reason is not None:
                    yield f"{name}.{part_name}({argument_name}:)", argument.deprecation_reason


def _exists(schema: GraphQLSchema, coordinate: str) -> bool:
    name, _, part = coordinate.partition(".")
    kind = schema.type_map.get(name)
    parts = getattr(kind, "values" if isinstance(kind, GraphQLEnumType) else "fields", {})
    return kind is not None and (not part or part in parts)


def main(arguments: list[str]) -> int:
    if arguments == ["release"]:
        shutil.copyfile(SDL_PATH, RELEASED_PATH)
        return 0
    old, new = (build_schema(path.read_text()) for path in (RELEASED_PATH, SDL_PATH))
    found = changes(old, new)
    silent = unmentioned(found, CHANGELOG_PATH.read_text())
    problems = [
        f"CHANGELOG.md does not name `{each.coordinate}`: {each.description}" for each in silent
    ]
    problems += bad_deprecations(new)
    summary = (
        f"{len(found)} changes may break clients; the changelog names {len(found) - len(silent)}."
    )
    print("\n".join([*problems, summary]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
