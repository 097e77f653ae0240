"""What every policy document has in common: a key, names in two languages, known entries only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.domain.fields import nearest, shown
from api.errors import InvalidInput

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
LONGEST_NAME = 100
LONGEST_DESCRIPTION = 400


@dataclass(frozen=True)
class Bilingual:
    en: str
    zh: str

    def text(self, language: str) -> str:
        return self.en if language == "en" else self.zh


def entries(
    document: object, path: str, required: Iterable[str], optional: Iterable[str] = ()
) -> Mapping[str, Any]:
    """The document as a mapping with all required and no unknown entries.

    Raises:
        InvalidInput: names the path and the entry.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{path}: takes a mapping, not {shown(document)}.")
    known = [*required, *optional]
    for name in document:
        if name not in known:
            raise InvalidInput(f"{path}: unknown entry {shown(name)}{nearest(name, known)}.")
    for name in required:
        if name not in document:
            raise InvalidInput(f"{path}: lacks the entry {name!r}.")
    return document


def key_of(document: Mapping[str, Any], path: str) -> str:
    key = document["key"]
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise InvalidInput(
            f"{path}.key: takes up to 40 small letters, digits and underscores, not {shown(key)}."
        )
    return key


def bilingual(content: object, path: str, longest: int) -> Bilingual:
    texts = entries(content, path, ("en", "zh"))
    for language, text in texts.items():
        if not isinstance(text, str) or not 1 <= len(text) <= longest:
            raise InvalidInput(f"{path}.{language}: takes a text of 1 to {longest} characters.")
    return Bilingual(texts["en"], texts["zh"])


def name_of(document: Mapping[str, Any], path: str) -> Bilingual:
    return bilingual(document["name"], f"{path}.name", LONGEST_NAME)


def description_of(document: Mapping[str, Any], path: str) -> Bilingual:
    return bilingual(document["description"], f"{path}.description", LONGEST_DESCRIPTION)


def require_unique(keys: Iterable[str], path: str) -> None:
    seen: set[str] = set()
    for place, key in enumerate(keys):
        if key in seen:
            raise InvalidInput(f"{path}[{place}]: the key {key!r} is there twice.")
        seen.add(key)
