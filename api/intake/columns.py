"""Matching a file's columns with the fields of a kind: theirs to ours."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.errors import InvalidInput
from api.intake.fields import FactKind

ATTRIBUTE_PREFIX = "attributes."
ATTRIBUTE_NAME = re.compile(r"\w[\w-]{0,63}")


@dataclass(frozen=True)
class Matched:
    fields: Mapping[str, str]
    """Our field to their column."""
    attributes: Mapping[str, str]
    """Attribute name to their column."""

    def theirs(self, field: str) -> str:
        return self.fields.get(field, field)


def match_columns(kind: FactKind, columns: Sequence[str], mapping: Mapping[str, str]) -> Matched:
    """Find each column's field.

    Raises:
        InvalidInput: a column is unknown, missing or claimed twice; names it and the way out.
    """
    if missing := [theirs for theirs in mapping if theirs not in columns]:
        raise InvalidInput(
            f"There is no column {missing[0]!r} to map; the columns are {', '.join(columns)}."
        )
    known = {field.name for field in kind.fields}
    fields: dict[str, str] = {}
    attributes: dict[str, str] = {}
    unknown: list[tuple[str, str]] = []
    for theirs in columns:
        ours = mapping.get(theirs, theirs)
        if theirs in mapping and not ours:
            continue
        if ours.startswith(ATTRIBUTE_PREFIX) and kind.takes_attributes:
            _claim(attributes, _attribute_name(ours), theirs)
        elif ours in known:
            _claim(fields, ours, theirs)
        else:
            unknown.append((theirs, ours))
    _require(kind, fields, columns)
    if unknown:
        raise InvalidInput(_unknown(kind, *unknown[0]))
    return Matched(fields, attributes)


def _claim(claims: dict[str, str], ours: str, theirs: str) -> None:
    if ours in claims:
        raise InvalidInput(
            f"Both {claims[ours]!r} and {theirs!r} are {ours}; leave one out: --map {theirs!r}="
        )
    claims[ours] = theirs


def _attribute_name(ours: str) -> str:
    name = ours.removeprefix(ATTRIBUTE_PREFIX)
    if not ATTRIBUTE_NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} can't be an attribute's name: up to 64 letters, digits, _ and -."
        )
    return name


def _unknown(kind: FactKind, theirs: str, ours: str) -> str:
    listed = ", ".join(field.name for field in kind.fields)
    out = f"--map '{theirs}=FIELD' says which of them it is"
    if kind.takes_attributes:
        out += f", --map '{theirs}=attributes.NAME' keeps it as a custom attribute"
    subject = f"The column {theirs!r}" + (f", mapped to {ours!r}," if ours != theirs else "")
    return (
        f"{subject} is no field of {kind.name}. The fields are {listed}. "
        f"{out}, and --map '{theirs}=' leaves it out."
    )


def _require(kind: FactKind, fields: Mapping[str, str], columns: Sequence[str]) -> None:
    missing = [field for field in kind.fields if field.required and field.name not in fields]
    if not missing:
        return
    unclaimed = [column for column in columns if column not in fields.values()]
    wanted = "; ".join(f"{field.name} ({field.label})" for field in missing)
    hints = ""
    for field in missing:
        near = difflib.get_close_matches(field.name, unclaimed, n=1, cutoff=0.5)
        if near:
            hints += f" Is {field.name} in {near[0]!r}? Then: --map '{near[0]}={field.name}'"
    raise InvalidInput(
        f"{kind.name} lacks columns that it needs: {wanted}. The columns are "
        f"{', '.join(columns)}. --map THEIRS=OURS names the one that holds it.{hints}"
    )
