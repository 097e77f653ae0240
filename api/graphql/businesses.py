"""What all requests of one database share for some seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from api.db import tiers
from api.db.installation import installation_of
from api.db.known_fields import known_fields_in, segment_labels
from api.db.sensitivity import personal_documents
from api.db.snapshots import Record, Snapshot
from api.domain.money import exponent_of
from api.domain.texts.policy_names import policy_names
from api.graphql.context import Business, PolicyFacts

BUSINESS_SECONDS = 10.0


@dataclass
class Businesses:
    """The installation's settings and fields, read again every few seconds."""

    engine: AsyncEngine
    _read_at: float = 0.0
    _business: Business | None = None

    async def current(self) -> Business:
        if self._business is None or time.monotonic() - self._read_at > BUSINESS_SECONDS:
            snapshot = Snapshot(self.engine)
            try:
                installation = await installation_of(snapshot)
                exponent = exponent_of(installation.base_currency)
                fields = await known_fields_in(snapshot, exponent)
                labels = {**fields, **await segment_labels(snapshot)}
                segments, strategies = await personal_documents(snapshot, fields, exponent)
                policies = {row.id: _facts(row) for row in await tiers.policies(snapshot)}
            finally:
                await snapshot.close()
            self._business = Business(installation, fields, labels, segments, strategies, policies)
            self._read_at = time.monotonic()
        return self._business

    def forget(self) -> None:
        """Read them anew for the next request: for after a change."""
        self._business = None


def _facts(row: Record) -> PolicyFacts:
    return PolicyFacts(row.key, row.version, policy_names(row.document))
