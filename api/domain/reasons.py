"""Why a rule held or did not: reasons as codes with numbers, written as JSON for many customers.

A reason is `{"code": ..., "params": {...}}`; money in it is in minor units. Customers for whom the
same conditions speak are written together, as Arrow columns, so a million take about a second.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
TEXT = pa.large_string()
ArrowTexts = Any  # a pyarrow.LargeStringArray
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
    """The conditions that make a rule true (or false, if not `holds`), for customers where it is.

    Of alternatives the first that holds is enough.
    """
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
        scopes = _first(rule.parts, masks, where, holds)
    elif all_needed:
        scopes = [where & (masks.of(part) != holds) for part in rule.parts]
    else:
        scopes = _nearest(rule.parts, masks, where, holds)
    for part, scope in zip(rule.parts, scopes, strict=True):
        yield from _walk(part, masks, scope, holds, met=met)


def _first(parts: Sequence[Rule], masks: Masks, where: Mask, holds: bool) -> list[Mask]:
    """Of alternatives, the first one that holds."""
    scopes, left = [], where
    for part in parts:
        scopes.append(left & (masks.of(part) == holds))
        left = left & ~scopes[-1]
    return scopes


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


def columns_at(
    columns: Columns, fields: Mapping[str, Field], rows: npt.NDArray[np.intp]
) -> dict[str, npt.NDArray[Any]]:
    """What rules on these fields read about some customers only."""
    picked: dict[str, npt.NDArray[Any]] = {"": rows}  # so that a rule of no field has a size
    for name, column in columns.items():
        membership = any(
            field.many and name.startswith(f"{each}.") for each, field in fields.items()
        )
        if name in fields or membership:
            picked[name] = np.asarray(column)[rows]
    return picked


@dataclass(frozen=True)
class Piece:
    """JSON that some customers get: fixed texts, with a value of theirs between each two."""

    where: Mask
    texts: tuple[str, ...]
    values: tuple[str, ...] = ()


def reason(where: Mask, code: str, **params: Any) -> Piece:
    """A reason whose numbers are the same for all."""
    return Piece(where, (json_of({"code": code, "params": params}),))


def condition_reason(code: str, evidence: Evidence) -> Piece:
    name = evidence.condition.field.name
    opening = (
        f'{{"code":"{code}","params":{{"field":{json_of(name)},"op":"{evidence.op}",'
        f'"threshold":{evidence.threshold},"value":'
    )
    return Piece(evidence.where, (opening, "}}"), (name,))


def condition_gap(evidence: Evidence) -> Piece:
    name = evidence.condition.field.name
    opening = f'{{"field":{json_of(name)},"op":"{evidence.op}","current":'
    closing = f',"needed":{evidence.threshold}}}'
    return Piece(evidence.where, (opening, closing), (name,))


def json_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dt.date.isoformat)


class JsonColumns:
    """Columns as JSON texts, each written once and only when it is asked for."""

    def __init__(self, columns: Columns, fields: Mapping[str, Field]) -> None:
        self._columns = columns
        self._fields = fields
        self._texts: dict[str, ArrowTexts] = {}
        self._whole: JsonColumns | None = None
        self._rows: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)

    def add(self, name: str, column: npt.NDArray[Any], *, whole: bool = False) -> None:
        self._texts[name] = column_json(column, whole=whole)

    def at(self, rows: npt.NDArray[np.intp]) -> JsonColumns:
        """The same texts for some rows only."""
        part = JsonColumns(self._columns, self._fields)
        part._whole, part._rows = self, rows
        return part

    def of(self, name: str) -> ArrowTexts:
        if name not in self._texts:
            if self._whole is not None:
                self._texts[name] = self._whole.of(name).take(pa.array(self._rows))
            elif (field := self._fields[name]).many:  # what counts is named by the condition
                size = len(next(iter(self._columns.values())))
                self._texts[name] = pa.repeat(pa.scalar("null", TEXT), size)
            else:
                self.add(name, column_of(name, self._columns), whole=field.whole)
        return self._texts[name]


def column_json(column: npt.NDArray[Any], *, whole: bool = False) -> ArrowTexts:
    """Each value as JSON; a missing one as null. Numbers read back exactly as they are."""
    missing = is_missing(column)
    if column.dtype.kind == "O":
        values = pa.array(column.tolist())
        if pa.types.is_string(values.type):
            encoded = values.dictionary_encode()
            known = pa.array([json_of(each) for each in encoded.dictionary.to_pylist()], TEXT)
            values = known.take(encoded.indices)
    elif column.dtype.kind == "M":
        days = pa.array(column.astype("datetime64[D]"), pa.date32(), mask=missing).cast(TEXT)
        quote, nothing = pa.scalar('"', TEXT), pa.scalar("", TEXT)
        values = pc.binary_join_element_wise(quote, days, quote, nothing)
    elif column.dtype.kind == "f" and whole:
        values = pa.array(np.where(missing, 0, column).astype(np.int64), mask=missing)
    else:
        values = pa.array(column, mask=missing)
    return values.cast(TEXT).fill_null("null")


def assemble(
    pieces: Sequence[Piece], where: Mask, sources: JsonColumns, opening: str, closing: str
) -> Texts:
    """For each customer in `where` the pieces meant for them, between commas, framed.

    Customers outside `where` get None.
    """
    return as_objects(together(len(where), written(pieces, where, sources, opening, closing)))


Written = tuple[npt.NDArray[np.intp], ArrowTexts]
"""Rows and their texts."""


def written(
    pieces: Sequence[Piece], where: Mask, sources: JsonColumns, opening: str, closing: str
) -> list[Written]:
    """What `assemble` gives, by groups of rows that get the same pieces."""
    found = []
    for rows, present in _patterns(pieces, np.flatnonzero(where)):
        everyone = len(rows) == len(where)
        parts: list[Any] = [opening]
        for place, piece in enumerate(present):
            parts[-1] += piece.texts[0] if place == 0 else f",{piece.texts[0]}"
            for name, text in zip(piece.values, piece.texts[1:], strict=True):
                values = sources.of(name)
                parts += [values if everyone else values.take(pa.array(rows)), text]
        parts[-1] += closing
        if len(parts) == 1:
            texts = pa.repeat(pa.scalar(parts[0], TEXT), len(rows))
        else:
            joined = [pa.scalar(part, TEXT) if isinstance(part, str) else part for part in parts]
            texts = pc.binary_join_element_wise(*joined, pa.scalar("", TEXT))
        found.append((rows, texts))
    return found


def together(size: int, parts: Sequence[Written]) -> ArrowTexts:
    """Texts by row, null for rows that got none; no row is in two parts."""
    if len(parts) == 1 and len(parts[0][0]) == size:
        return parts[0][1]
    places = np.full(size, -1, dtype=np.int64)
    start = 0
    for rows, texts in parts:
        places[rows] = np.arange(start, start + len(texts))
        start += len(texts)
    every = pa.concat_arrays([texts for _, texts in parts] or [pa.array([], TEXT)])
    return every.take(pa.array(places, mask=places < 0))


def as_objects(texts: ArrowTexts) -> Texts:
    objects: Texts = texts.to_numpy(zero_copy_only=False)
    return objects


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
