"""From stored values to what answers hold, as the types' own fields would make it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from api.graphql.ahead.shapes import Given
from api.graphql.ids import global_id
from api.graphql.language import Language, in_script

Work = Callable[..., Any]


def number(_given: Given) -> Work:
    return float


def flag(_given: Given) -> Work:
    return bool


def day(given: Given) -> Work:
    return _same if given.nested else _day


def moment(_given: Given) -> Work:
    return repeating(_moment)


def repeating(work: Work) -> Work:
    """The same, for columns where one value follows itself: what is published together is."""
    last: Any = None
    made: Any = None

    def repeat(value: Any) -> Any:
        nonlocal last, made
        if value != last:
            made = work(value)
            last = value
        return made

    return repeat


def identity(kind: str) -> Callable[[Given], Work]:
    """The global id of a row's number."""
    return lambda _given: lambda row: global_id(kind, row)


def choice(kind: type[Enum]) -> Callable[[Given], Work]:
    """The name of an enum's value."""
    names = {each.value: each.name for each in kind}
    return lambda _given: names.__getitem__


def major(given: Given) -> Work:
    return given.context.major


def exact(given: Given) -> Work:
    exact = given.context.exact
    return lambda minor: str(exact(int(minor or 0)))


def currency(given: Given) -> Work:
    """The installation's one, whatever the row."""
    code = given.context.currency
    return lambda _row: code


def document(given: Given) -> Work:
    """JSON as it is stored, read."""
    return _same if given.nested else json.loads


def worded(given: Given) -> Callable[[str, str], str]:
    """One of two texts, English and simplified Chinese, in the reader's script."""
    chosen: Language = given.arguments.get("language") or given.context.language
    if chosen is Language.EN:
        return lambda english, _chinese: str(english)
    return lambda _english, chinese: str(in_script(str(chinese), chosen))


def wording(given: Given) -> Work:
    """A text of a document, which holds each text under `en` and `zh`."""
    chosen: Language = given.arguments.get("language") or given.context.language
    key = "en" if chosen is Language.EN else "zh"
    read = document(given)

    def word(content: Any) -> str:
        texts: Mapping[str, str] = read(content)
        return str(in_script(str(texts[key]), chosen))

    return word


def _same(value: Any) -> Any:
    return value


def _day(value: dt.date | str) -> str:
    return value if isinstance(value, str) else value.isoformat()


def as_moment(value: dt.datetime | str) -> dt.datetime:
    found = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def _moment(value: dt.datetime | str) -> str:
    return as_moment(value).isoformat()
