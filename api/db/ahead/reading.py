"""Statements as text and values, made once for each shape of a question and kept.

What SQLAlchemy does for a statement costs more than running it, where the statement is long and
its answer short. So the long part is compiled once; what differs from request to request (the
condition, the position, the size of a page) is told apart by SQLAlchemy's own cache key, whose
values are put into the kept text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.sql.cache_key import CacheKey

Values = tuple[Any, ...]
Processor = Callable[[Any], Any]
MOST_KEPT = 512


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


class Texts:
    """The texts of one long statement, by what differs in it."""

    def __init__(self) -> None:
        self._kept: dict[Any, Kept] = {}

    def text(
        self, differs: Select[Any], whole: Callable[[], Select[Any]], dialect: Dialect
    ) -> tuple[str, Values]:
        """The text and its values. `differs` has everything of `whole()` that may differ."""
        key = differs._generate_cache_key()
        if key is None:
            return _rendered(whole(), dialect)
        kept = self._kept.get((dialect.name, key.key))
        if kept is None:
            statement = whole()
            kept = _keepable(statement, key, dialect)
            if kept is None:
                return _rendered(statement, dialect)
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[dialect.name, key.key] = kept
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
