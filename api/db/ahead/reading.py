"""Statements as text and values, made once for each shape of a question and kept.

What SQLAlchemy does for a statement costs more than running it, where the statement is long and
its answer short. So the long part is compiled once; what differs from request to request (the
condition, the position, the size of a page) is told apart by SQLAlchemy's own cache key, whose
values are put into the kept text.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.sql.cache_key import CacheKey

Values = tuple[Any, ...]
Processor = Callable[[Any], Any]
MOST_KEPT = 1024
"""Of all statements together: what differs comes from callers, who may vary it without end."""


@dataclass(frozen=True)
class Slot:
    """Where one value of a text comes from: the n-th of what differs, or always the same one."""

    place: int | None
    value: Any
    process: Processor | None

    def fill(self, given: Sequence[Any]) -> Any:
        value = self.value if self.place is None else given[self.place].effective_value
        return value if self.process is None else self.process(value)


@dataclass(frozen=True)
class Kept:
    text: str
    slots: tuple[Slot, ...]


class Shelf:
    """The texts of all long statements, the latest used."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[Any, Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, place: Any) -> Kept | None:
        kept = self._kept.get(place)
        if kept is not None:
            self._kept.move_to_end(place)
        return kept

    def put(self, place: Any, kept: Kept) -> None:
        self._kept[place] = kept
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Texts:
    """The texts of one long statement, by what differs in it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def text(
        self, differs: Select[Any], whole: Callable[[], Select[Any]], dialect: Dialect
    ) -> tuple[str, Values]:
        """The text and its values. `differs` has everything of `whole()` that may differ."""
        key = differs._generate_cache_key()
        if key is None:
            return _rendered(whole(), dialect)
        place = (self, dialect.name, key.key)
        kept = self._shelf.get(place)
        if kept is None:
            statement = whole()
            kept = _keepable(statement, key, dialect)
            if kept is None:
                return _rendered(statement, dialect)
            self._shelf.put(place, kept)
        return kept.text, tuple(slot.fill(key.bindparams) for slot in kept.slots)


def _keepable(statement: Select[Any], differing: CacheKey, dialect: Dialect) -> Kept | None:
    """None where the text depends on values, such as the length of a list."""
    compiled: Any = statement.compile(dialect=dialect)
    if compiled.post_compile_params or compiled.literal_execute_params:
        return None
    places = {bind.key: place for place, bind in enumerate(differing.bindparams)}
    names = compiled.positiontup
    if not set(places) <= {compiled.binds[name].key for name in names}:
        return None
    return Kept(
        str(compiled),
        tuple(
            Slot(
                places.get(compiled.binds[name].key),
                compiled.binds[name].effective_value,
                compiled._bind_processors.get(name),
            )
            for name in names
        ),
    )


def _rendered(statement: Select[Any], dialect: Dialect) -> tuple[str, Values]:
    """The text for this once."""
    compiled: Any = statement.compile(dialect=dialect)
    state = compiled.construct_expanded_state()
    processors = {**compiled._bind_processors, **state.processors}
    values = []
    for name in state.positiontup or ():
        process = processors.get(name)
        value = state.parameters[name]
        values.append(value if process is None else process(value))
    return state.statement, tuple(values)
