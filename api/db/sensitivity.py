"""The segments and strategies that rest on sensitive attributes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from api.db.models import Segment, Strategy
from api.db.snapshots import Snapshot
from api.domain.fields import Field
from api.domain.sensitivity import sensitive_rules, sensitive_segments


async def personal_documents(
    snapshot: Snapshot, fields: Mapping[str, Field], exponent: int
) -> tuple[frozenset[str], frozenset[str]]:
    """Keys of such segments, those given up among them, and of such strategies."""
    if not any(each.sensitive for each in fields.values()):
        return frozenset(), frozenset()
    stored = await snapshot.rows(select(Segment.key, Segment.rule).where(Segment.kind == "rule"))
    segments = sensitive_segments({row.key: row.rule for row in stored}, fields, exponent)
    documents = await snapshot.rows(select(Strategy.key, Strategy.document))
    rules = {row.key: row.document["when"] for row in documents}
    return segments, sensitive_rules(rules, fields, exponent, segments)
