"""Segments: groups by a rule or by hand, who is in them, what let each member in or out.

A rule may read other segments, so they are evaluated in the order in which they depend on each
other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.domain.conditions import Columns, Mask
from api.domain.documents import (
    Bilingual,
    description_of,
    entries,
    key_of,
    name_of,
    require_unique,
)
from api.domain.fields import FIELDS, SEGMENT, Field, nearest, shown
from api.domain.reasons import (
    TEXT,
    ArrowTexts,
    Evidence,
    JsonColumns,
    Texts,
    as_objects,
    columns_at,
    condition_reason,
    json_of,
    met,
    together,
    unmet,
    written,
)
from api.domain.rules import Masks, Rule, fields_of, parse_rule
from api.errors import InvalidInput

Kind = Literal["rule", "manual"]
FAMILIES = (
    "value",
    "risk",
    "lifecycle",
    "habit",
    "need",
    "psychology",
    "intent",
    "channel",
    "credit",
    "relation",
    "group",
    "other",
)
NOBODY: Mapping[str, Mask] = {}


@dataclass(frozen=True)
class SegmentDefinition:
    key: str
    name: Bilingual
    description: Bilingual
    rule: Rule | None
    """None: people say by hand who is in it."""
    family: str | None = None

    @property
    def kind(self) -> Kind:
        return "manual" if self.rule is None else "rule"

    @property
    def reads(self) -> tuple[str, ...]:
        """Keys of the segments that the rule reads."""
        conditions = () if self.rule is None else self.rule.conditions()
        keys = (
            str(key)
            for each in conditions
            if each.field.name == SEGMENT.name
            for key in each.values
        )
        return tuple(dict.fromkeys(keys))


def parse_segment(
    document: object,
    exponent: int,
    fields: Mapping[str, Field] = FIELDS,
    path: str = "segment",
) -> SegmentDefinition:
    """Read `{key, name, description, when}` or `{key, name, description, kind: manual}`.

    Whether the segments it reads are there is for `in_order` to say.

    Raises:
        InvalidInput: names the path and the way out.
    """
    parts = entries(document, path, ("key", "name", "description"), ("when", "kind", "family"))
    key = key_of(parts, path)
    rule = None
    if _kind(parts, path) == "rule":
        rule = parse_rule(parts["when"], fields, exponent, f"{path}.when")
    family = parts.get("family")
    if family is not None and family not in FAMILIES:
        raise InvalidInput(f"{path}.family: {shown(family)} is unknown{nearest(family, FAMILIES)}.")
    return SegmentDefinition(key, name_of(parts, path), description_of(parts, path), rule, family)


def _kind(parts: Mapping[str, Any], path: str) -> Kind:
    kind = parts.get("kind", "rule")
    kinds = get_args(Kind)
    if kind not in kinds:
        raise InvalidInput(f"{path}.kind: {shown(kind)} is unknown{nearest(kind, kinds)}.")
    if kind == "rule" and "when" not in parts:
        raise InvalidInput(
            f"{path}: lacks the entry 'when'; a segment by hand says `kind: manual` instead."
        )
    if kind == "manual" and "when" in parts:
        raise InvalidInput(f"{path}.when: a segment by hand has no rule.")
    return cast(Kind, kind)


def parse_segments(
    documents: Iterable[object], exponent: int, fields: Mapping[str, Field] = FIELDS
) -> tuple[SegmentDefinition, ...]:
    """All segments of an installation, each after those it reads.

    Raises:
        InvalidInput: one is wrong, a key is there twice, or they depend on each other in a circle.
    """
    parsed = [
        parse_segment(document, exponent, fields, f"segments[{place}]")
        for place, document in enumerate(documents)
    ]
    require_unique([each.key for each in parsed], "segments")
    return in_order(parsed)


def in_order(definitions: Sequence[SegmentDefinition]) -> tuple[SegmentDefinition, ...]:
    """Each segment after those it reads, otherwise as given.

    Raises:
        InvalidInput: one reads a segment that is not there, or itself by way of others.
    """
    by_key = {each.key: each for each in definitions}
    done: dict[str, SegmentDefinition] = {}
    path: list[str] = []

    def visit(definition: SegmentDefinition) -> None:
        key = definition.key
        if key in done:
            return
        if key in path:
            circle = " -> ".join([*path[path.index(key) :], key])
            raise InvalidInput(f"segments: these depend on each other in a circle: {circle}.")
        path.append(key)
        for other in definition.reads:
            if other not in by_key:
                hint = nearest(other, by_key.keys() - {key})
                raise InvalidInput(f"segment {key}.when: there is no segment {shown(other)}{hint}.")
            visit(by_key[other])
        done[path.pop()] = definition

    for each in definitions:
        visit(each)
    return tuple(done.values())


def dependents(definitions: Sequence[SegmentDefinition], key: str) -> tuple[SegmentDefinition, ...]:
    """The segment of that key and all that read it, directly or not, in order of evaluation."""
    touched = {key}
    chosen = []
    for each in in_order(definitions):
        if each.key in touched or touched & set(each.reads):
            touched.add(each.key)
            chosen.append(each)
    return tuple(chosen)


def members(
    definitions: Iterable[SegmentDefinition],
    columns: Columns,
    by_hand: Mapping[str, Mask] = NOBODY,
) -> dict[str, Mask]:
    """By segment, which customers belong to it; the definitions come in order of evaluation."""
    masks = Masks(dict(columns))
    found: dict[str, Mask] = {}
    for each in definitions:
        if each.rule is None:
            found[each.key] = by_hand.get(each.key, np.zeros(masks.size, dtype=bool))
        else:
            found[each.key] = masks.of(each.rule)
        masks.columns = {**masks.columns, **membership_columns({each.key: found[each.key]})}
    return found


def membership_columns(by_segment: Mapping[str, Mask]) -> dict[str, Mask]:
    """Memberships as the columns that rules on `segment` read."""
    return {f"{SEGMENT.name}.{key}": mask for key, mask in by_segment.items()}


def causes_json(definition: SegmentDefinition, columns: Columns) -> Texts:
    """For each member, in the order of rows, `{"segment": key, "reasons": [...]}` as JSON.

    The reasons have the code `segment.condition_met`; a segment of everyone has none. Nothing for
    segments by hand: who put a customer in has said why.
    """
    return as_objects(causes_texts(definition, columns))


def causes_texts(definition: SegmentDefinition, columns: Columns) -> ArrowTexts:
    if definition.rule is None:
        return pa.array([], TEXT)
    rows = np.flatnonzero(definition.rule.mask(columns))
    return _explained(definition, definition.rule, columns, rows, inside=True)


def departures_json(
    definition: SegmentDefinition, columns: Columns, rows: npt.NDArray[np.intp]
) -> Texts:
    """For customers who are not members any more, what of the rule no longer holds, as JSON."""
    if definition.rule is None:
        return np.full(len(rows), f'{{"segment":{json_of(definition.key)},"reasons":[]}}', object)
    return as_objects(_explained(definition, definition.rule, columns, rows, inside=False))


def _explained(
    definition: SegmentDefinition,
    rule: Rule,
    columns: Columns,
    rows: npt.NDArray[np.intp],
    *,
    inside: bool,
) -> ArrowTexts:
    if not len(rows):
        return pa.array([], TEXT)
    fields = fields_of(rule)
    picked = columns_at(columns, fields, rows)
    masks = Masks(picked)
    where = np.ones(masks.size, dtype=bool)
    if inside:
        found, code = met(rule, masks, where), "segment.condition_met"
    else:
        # What is lacking is told as what is true instead.
        found = [Evidence(e.condition, not e.holds, e.where) for e in unmet(rule, masks, where)]
        code = "segment.condition_lost"
    opening = f'{{"segment":{json_of(definition.key)},"reasons":['
    pieces = [condition_reason(code, each) for each in found]
    parts = written(pieces, where, JsonColumns(picked, fields), opening, "]}")
    return together(len(rows), parts)
