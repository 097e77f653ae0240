"""What a policy's document calls its scores and tiers, for the sentences about its decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from api.domain.documents import Bilingual
from api.domain.fields import Field
from api.domain.scores import score_field


@dataclass(frozen=True)
class PolicyNames:
    fields: Mapping[str, Field] = field(default_factory=dict)
    """Scores by `score.KEY`."""
    tiers: Mapping[str, Bilingual] = field(default_factory=dict)
    """By key."""


NO_NAMES = PolicyNames()


def policy_names(document: Mapping[str, Any]) -> PolicyNames:
    """The names in a stored document, which was checked when it was stored."""
    return PolicyNames(
        {f"score.{key}": score_field(key, name) for key, name in _named(_scores(document))},
        dict(_named(document["tiers"])),
    )


def _scores(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for part in (document, *document.get("branches", ())):
        yield from part.get("scores", ())


def _named(entries: Any) -> Iterator[tuple[str, Bilingual]]:
    for each in entries:
        yield each["key"], Bilingual(each["name"]["en"], each["name"]["zh"])
