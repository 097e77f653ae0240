"""Finding a field by the name a document gives, and what to say of a name that there isn't."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from api.domain.fields.field import Field
from api.errors import InvalidInput


def find_field(name: object, fields: Mapping[str, Field], path: str) -> Field:
    """A field by name.

    Raises:
        InvalidInput: there is none; the message names the nearest one.
    """
    if isinstance(name, str) and (found := fields.get(name)) is not None:
        return found
    raise InvalidInput(f"{path}: there is no field {shown(name)}{nearest(name, fields)}.")


def find_window(measure: object, days: object, fields: Mapping[str, Field], path: str) -> Field:
    """The field that measures this over so many days.

    Raises:
        InvalidInput: there is none; the message names the windows there are.
    """
    found = {each.window_days: each for each in fields.values() if each.measure == measure}
    if not found:
        if isinstance(measure, str) and measure in fields:
            raise InvalidInput(f"{path}: {measure} has no windows; leave out window_days.")
        measured = {each.measure for each in fields.values() if each.measure}
        raise InvalidInput(
            f"{path}: nothing measures {shown(measure)} over a window{nearest(measure, measured)}."
        )
    if not isinstance(days, int) or isinstance(days, bool) or days not in found:
        listed = ", ".join(str(each) for each in sorted(each or 0 for each in found))
        raise InvalidInput(
            f"{path}: {shown(measure)} has windows of {listed} days, not {shown(days)}."
        )
    return found[days]


def windows_of(name: str, fields: Mapping[str, Field]) -> tuple[int, ...]:
    """The windows, in days, that a measure may be asked for over; the shortest first."""
    days = [each.window_days for each in fields.values() if each.measure == name]
    return tuple(sorted(each for each in days if each is not None))


def nearest(name: object, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all if they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(names)})" if names else ""


def shown(value: object) -> str:
    """A value of a document as a message may quote it: short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
