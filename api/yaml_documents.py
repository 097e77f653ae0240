"""YAML and JSON documents as their authors meant them: nothing said twice, nothing bottomless."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from api.errors import InvalidInput

MOST_LEVELS = 100
"""Lists and mappings in each other."""


class _TooDeep(Exception):
    pass


class _Loader(yaml.CSafeLoader):
    """Refuses an entry that stands twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in getattr(node, "value", ()):
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{key.value!r} stands twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_document(path: Path) -> Any:
    """A YAML or JSON document in UTF-8.

    Raises:
        InvalidInput: the file is missing or is neither; the message says where and why.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _check_depth(text)
        # A loader of its own without the names of Python's objects, as in yaml.safe_load.
        return yaml.load(text, _Loader)  # noqa: S506
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not text in UTF-8; save it as UTF-8.") from None
    except _TooDeep:
        raise InvalidInput(f"{path} has lists or mappings too deep in each other.") from None
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path} is not a YAML or JSON document{_place(error)}.") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path} is a folder, not a document.") from None


def _check_depth(text: str) -> None:
    """libyaml reads a list inside a list by calling itself, with no end but the stack's."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_LEVELS:
                raise _TooDeep
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return ""
    return f" (line {mark.line + 1}: {getattr(error, 'problem', None) or 'not readable'})"
