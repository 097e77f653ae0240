"""Whole columns of stored values at a time become columns of answers, then objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress, islice
from typing import Any

from api.graphql.ahead.shapes import Arguments, Given, Rows
from api.graphql.context import Context

Columns = Sequence[Sequence[Any]]
Step = Callable[[Columns, Context], Sequence[Any]]
Convert = Callable[[Given], Callable[..., Any]]


class Missing(Exception):
    """A value that may not be missing is: the usual way says where."""


def transposed(rows: Sequence[Sequence[Any]], width: int) -> Columns:
    return list(zip(*rows, strict=True)) if rows else [()] * width


@dataclass(frozen=True)
class Leaf:
    """A scalar."""

    places: tuple[int, ...]
    convert: Convert | None
    arguments: Arguments
    nullable: bool
    nested: bool

    def __call__(self, columns: Columns, context: Context) -> Sequence[Any]:
        found = columns[self.places[0]]
        if self.convert is not None:
            work = self.convert(Given(context, self.arguments, self.nested))
            if len(self.places) > 1:
                found = list(map(work, *(columns[place] for place in self.places)))
            elif self.nullable:
                found = [None if value is None else work(value) for value in found]
            else:
                found = list(map(work, found))
        if not self.nullable and None in found:
            raise Missing
        return found


@dataclass(frozen=True)
class Constant:
    value: Any

    def __call__(self, columns: Columns, _context: Context) -> Sequence[Any]:
        return [self.value] * len(columns[0])


@dataclass(frozen=True)
class Objects:
    """An object for each row."""

    names: tuple[str, ...]
    steps: tuple[Step, ...]

    def __call__(self, columns: Columns, context: Context) -> Sequence[Any]:
        names = self.names
        done = [step(columns, context) for step in self.steps]
        return [dict(zip(names, values, strict=True)) for values in zip(*done, strict=True)]


@dataclass(frozen=True)
class Optional:
    """An object only for rows that have one."""

    present: int
    nullable: bool
    step: Step

    def __call__(self, columns: Columns, context: Context) -> Sequence[Any]:
        there = [value is not None for value in columns[self.present]]
        if all(there):
            return self.step(columns, context)
        if not self.nullable:
            raise Missing
        kept = [tuple(compress(column, there)) for column in columns]
        done = iter(self.step(kept, context))
        return [next(done) if each else None for each in there]


@dataclass(frozen=True)
class Lists:
    """A list for each row, from rows within JSON."""

    place: int
    width: int
    nested: bool
    arguments: Arguments
    kept: Convert | None
    step: Step

    def __call__(self, columns: Columns, context: Context) -> Sequence[Any]:
        lists = read_lists(columns[self.place], self.nested)
        if self.kept is not None:
            lists = list(map(self.kept(Given(context, self.arguments, self.nested)), lists))
        flat = list(chain.from_iterable(lists))
        return parted(self.step(transposed(flat, self.width), context), lists)


def read_lists(column: Iterable[Any], nested: bool) -> list[Rows]:
    if nested:
        return [value or [] for value in column]
    return [[] if value is None else json.loads(value) for value in column]


def parted(values: Sequence[Any], lists: Sequence[Rows]) -> list[list[Any]]:
    """Values of all lists in a row, as the lists they belong to."""
    waiting = iter(values)
    return [list(islice(waiting, len(each))) for each in lists]


@dataclass(frozen=True)
class Papers:
    """Objects, or lists of them, from documents: `step` gets the documents as its one column."""

    places: tuple[int, ...]
    read: Convert
    many: bool
    nullable: bool
    nested: bool
    step: Step

    def __call__(self, columns: Columns, context: Context) -> Sequence[Any]:
        read = self.read(Given(context, {}, self.nested))
        found = list(map(read, *(columns[place] for place in self.places)))
        if self.many:
            lists = [each or [] for each in found]
            flat = list(chain.from_iterable(lists))
            return parted(self.step([flat], context), lists)
        there = [each is not None for each in found]
        if not (self.nullable or all(there)):
            raise Missing
        done = iter(self.step([[each for each in found if each is not None]], context))
        return [next(done) if each else None for each in there]


@dataclass(frozen=True)
class Told:
    """A scalar of a document."""

    name: str | None
    convert: Convert | None
    arguments: Arguments
    nullable: bool

    def __call__(self, columns: Columns, context: Context) -> Sequence[Any]:
        documents: Sequence[Mapping[str, Any]] = columns[0]
        found: Sequence[Any] = documents
        if self.name is not None:
            found = [each[self.name] for each in documents]
        if self.convert is not None:
            work = self.convert(Given(context, self.arguments, nested=True))
            found = [None if value is None else work(value) for value in found]
        if not self.nullable and None in found:
            raise Missing
        return found
