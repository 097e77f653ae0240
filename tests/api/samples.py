"""What a sample call of a mutation is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ERRORS = "userErrors { code field message }"


@dataclass(frozen=True)
class Sample:
    """`arguments` by name with their types; `${name}` in them stands for what `before` left."""

    types: Mapping[str, str]
    arguments: Mapping[str, Any]
    selection: str
    before: tuple[str, ...] = ()
    """Other samples that make what this one changes."""
    stale: Mapping[str, Any] | None = field(default=None, kw_only=True)
    """Arguments that name a version nobody has seen, instead of those with the same names."""
    unversioned: str | None = field(default=None, kw_only=True)
    """Why it takes no version."""

    def document(self, name: str, key: bool = True) -> str:
        declared = [f"${each}: {kind}" for each, kind in self.types.items()]
        given = [f"{each}: ${each}" for each in self.types]
        if key:
            declared.append("$key: String")
            given.append("idempotencyKey: $key")
        head = f"mutation Sample({', '.join(declared)})" if declared else "mutation Sample"
        return f"{head} {{ {name}({', '.join(given)}) {{ {self.selection} {ERRORS} }} }}"


def input_sample(kind: str, selection: str, given: dict[str, Any], **options: Any) -> Sample:
    before = options.pop("before", ())
    stale = options.pop("stale", None)
    return Sample(
        {"input": f"{kind}!"},
        {"input": given},
        selection,
        before,
        stale=None if stale is None else {"input": given | stale},
        **options,
    )
