"""What a customer allows: the latest word for each purpose and channel."""

from __future__ import annotations

import datetime as dt

import strawberry

from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS, PERSONAL
from api.graphql.context import Context
from api.graphql.described import field


@strawberry.type(
    description="The latest word of a customer on one purpose and channel. Withdrawing takes "
    "effect at once: strategies that need it are recommended no more, and partners get no score "
    "of who has withdrawn `profiling` or `partner_sharing`.",
    directives=[CUSTOMERS],
)
class Consent:
    purpose: str = strawberry.field(description="What for: marketing, profiling, partner_sharing.")
    channel: str = strawberry.field(description="By which channel.")
    granted: bool = strawberry.field(description="Allowed (true) or withdrawn (false).")
    recorded_at: dt.datetime = strawberry.field(description="When the customer said so.")
    source: str = strawberry.field(description="Where it was brought in from: an import, a key.")
    external_id: strawberry.Private[str]
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Where the proof is.", needs=PERSONAL)
    def proof(self) -> str | None:
        sealed = self.row.proof_encrypted
        if sealed is None:
            return None
        return self.context.cipher.decrypt("proof", self.external_id, bytes(sealed))


def consent(row: Record, external_id: str, context: Context) -> Consent:
    return Consent(
        purpose=row.purpose,
        channel=row.channel,
        granted=bool(row.granted),
        recorded_at=row.recorded_at,
        source=row.source,
        external_id=external_id,
        row=row,
        context=context,
    )
