"""Why a rule held or did not: reasons as codes with numbers, written as JSON for many customers.

Customers for whom the same conditions speak share one template, so that a million reasons cost
seconds. A reason is `{"code": ..., "params": {...}}`; money in it is in minor units.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Condition, Mask, column_of, is_missing
from api.domain.fields import Field
from api.domain.rules import AllOf, Masks, Not, Rule

OPPOSITE = {
    "eq": "ne",
    "ne": "eq",
    "gt": "lte",
    "gte": "lt",
    "lt": "gte",
    "lte": "gt",
    "in": "not_in",
    "contains": "not_contains",
    "is_null": "is_not_null",
}
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Evidence:
    """A condition, whether it is wanted to hold, and the customers it speaks for."""

    condition: Condition
    holds: bool
    where: Mask

    @property
    def op(self) -> str:
        op = self.condition.op
        if op == "is_null":
            return "is_null" if self.condition.value is self.holds else "is_not_null"
        return op if self.holds else OPPOSITE[op]

    @property
    def threshold(self) -> str:
        return "null" if self.condition.op == "is_null" else json_of(self.condition.value)


def met(rule: Rule, masks: Masks, where: Mask, holds: bool = True) -> list[Evidence]:
    """The conditions that make a rule true (or false, if not `holds`) for customers where it is."""
    return _merged(_walk(rule, masks, where, holds, met=True))


def unmet(rule: Rule, masks: Masks, where: Mask, holds: bool = True) -> list[Evidence]:
    """The conditions that are missing where a rule fails; of alternatives, the nearest one."""
    return _merged(_walk(rule, masks, where, holds, met=False))


def _walk(rule: Rule, masks: Masks, where: Mask, holds: bool, *, met: bool) -> Iterator[Evidence]:
    if isinstance(rule, Condition):
        truth = masks.of(rule) if holds else ~masks.of(rule)
        yield Evidence(rule, holds, where & (truth if met else ~truth))
        return
    if isinstance(rule, Not):
        yield from _walk(rule.part, masks, where, not holds, met=met)
        return
    all_needed = isinstance(rule, AllOf) == holds
    if met and all_needed:
        scopes = [where] * len(rule.parts)
    elif met:
        scopes = [where & (masks.of(part) == holds) for part in rule.parts]
    elif all_needed:
        scopes = [where & (masks.of(part) != holds) for part in rule.parts]
    else:
        scopes = _nearest(rule.parts, masks, where, holds)
    for part, scope in zip(rule.parts, scopes, strict=True):
        yield from _walk(part, masks, scope, holds, met=met)


def _nearest(parts: Sequence[Rule], masks: Masks, where: Mask, holds: bool) -> list[Mask]:
    """Of alternatives that all fail, the first one with the fewest failing conditions."""
    counts = np.zeros((len(parts), masks.size), dtype=np.int16)
    for place, part in enumerate(parts):
        for lacking in _walk(part, masks, where, holds, met=False):
            counts[place] += lacking.where
    chosen = np.argmin(counts, axis=0)
    return [where & (chosen == place) for place in range(len(parts))]


def _merged(found: Iterator[Evidence]) -> list[Evidence]:
    merged: dict[tuple[Condition, bool], Mask] = {}
    for each in found:
        key = (each.condition, each.holds)
        merged[key] = merged[key] | each.where if key in merged else each.where
    return [Evidence(condition, holds, where) for (condition, holds), where in merged.items()]


@dataclass(frozen=True)
class Piece:
    """JSON text that some customers get, with a `%s` for each of their `values`."""

    where: Mask
    template: str
    values: tuple[str, ...] = ()


def reason(where: Mask, code: str, **params: Any) -> Piece:
    """A reason whose numbers are the same for all."""
    return Piece(where, escaped({"code": code, "params": params}))


def condition_reason(code: str, evidence: Evidence) -> Piece:
    name = evidence.condition.field.name
    return Piece(
        evidence.where,
        f'{{"code":"{code}","params":{{"field":{escaped(name)},"op":"{evidence.op}",'
        f'"threshold":{evidence.threshold.replace("%", "%%")},"value":%s}}}}',
        (name,),
    )


def condition_gap(evidence: Evidence) -> Piece:
    name = evidence.condition.field.name
    return Piece(
        evidence.where,
        f'{{"field":{escaped(name)},"op":"{evidence.op}","current":%s,'
        f'"needed":{evidence.threshold.replace("%", "%%")}}}',
        (name,),
    )


def json_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dt.date.isoformat)


def escaped(value: Any) -> str:
    """JSON that stands in a template."""
    return json_of(value).replace("%", "%%")


class JsonColumns:
    """Columns as JSON texts, each written once and only when it is asked for."""

    def __init__(self, columns: Columns, fields: dict[str, Field]) -> None:
        self._columns = columns
        self._fields = fields
        self._texts: dict[str, Texts] = {}

    def add(self, name: str, column: npt.NDArray[Any], *, whole: bool = False) -> None:
        self._texts[name] = column_json(column, whole=whole)

    def of(self, name: str) -> Texts:
        if name not in self._texts:
            field = self._fields[name]
            if field.many:  # what counts is the membership, which the condition names
                size = len(next(iter(self._columns.values())))
                self._texts[name] = np.full(size, "null", dtype=object)
            else:
                self.add(name, column_of(name, self._columns), whole=field.whole)
        return self._texts[name]


def column_json(column: npt.NDArray[Any], *, whole: bool = False) -> Texts:
    """Each value as JSON; a missing one as null."""
    missing = is_missing(column)
    texts: Texts = np.full(len(column), "null", dtype=object)
    present = column[~missing]
    if column.dtype.kind == "O":
        known = {each: json_of(each) for each in set(present.tolist())}
        texts[~missing] = [known[each] for each in present.tolist()]
    elif column.dtype.kind == "M":
        days = np.datetime_as_string(present, unit="D").tolist()
        texts[~missing] = [f'"{day}"' for day in days]
    elif column.dtype.kind == "b":
        texts[~missing] = np.where(present, "true", "false")
    elif column.dtype.kind == "f" and not whole:
        texts[~missing] = list(map(repr, present.tolist()))
    else:
        texts[~missing] = list(map(str, present.astype(np.int64).tolist()))
    return texts


def assemble(pieces: Sequence[Piece], where: Mask, sources: JsonColumns, frame: str) -> Texts:
    """For each customer in `where`, the pieces that are meant for them, inside the frame's `%s`.

    Customers outside `where` get None.
    """
    texts: Texts = np.full(len(where), None, dtype=object)
    for rows, present in _patterns(pieces, np.flatnonzero(where)):
        template = frame.replace("%s", ",".join(piece.template for piece in present))
        names = [name for piece in present for name in piece.values]
        if names:
            values = zip(*(sources.of(name)[rows].tolist() for name in names), strict=True)
            texts[rows] = [template % each for each in values]
        else:
            texts[rows] = template % ()
    return texts


def _patterns(
    pieces: Sequence[Piece], rows: npt.NDArray[np.intp]
) -> Iterator[tuple[npt.NDArray[np.intp], list[Piece]]]:
    """The rows by which pieces they get."""
    codes = np.zeros(len(rows), dtype=np.int64)
    for place, piece in enumerate(pieces):
        codes = codes * 2 + piece.where[rows]
        if place % 30 == 29:  # renumber before the codes outgrow their 63 bits
            codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    for group in np.split(rows[order], starts[1:]) if len(rows) else ():
        yield group, [piece for piece in pieces if piece.where[group[0]]]
