"""What an answer holds of people goes on record before the answer leaves."""

from __future__ import annotations

from typing import Any

from graphql.pyutils import Undefined

from api.db.audit_reads import AuditUnavailable, ReadLog
from api.domain.audit import READ, Event
from api.graphql.context import Context
from api.graphql.trail import actor_of
from api.graphql.transport import Refusal
from api.request_ids import document_hash


async def record_reads(log: ReadLog, context: Context, data: Any, query: str) -> None:
    """Return once it is written; an answer without personal data has nothing to wait for.

    Raises:
        Refusal: it can't be recorded, so the answer is withheld; what a mutation changed has been
            changed all the same, and its `idempotencyKey` gets the reply later.
    """
    if not context.personal or data is Undefined or data is None:
        return
    details = context.personal.details() | {"document": document_hash(query)}
    event = Event(context.now, actor_of(context.caller), READ, context.request_id, details)
    try:
        await log.record(event)
    except AuditUnavailable as error:
        raise Refusal(503, error.code, str(error), {"Retry-After": "1"}) from None
