"""The audit log over GraphQL: who changed what, and who read personal data."""

from __future__ import annotations

import datetime as dt
import json
from enum import Enum
from typing import Annotated, Any

import strawberry

from api.db.audit_listing import KEYS, Wanted, audit_page, count_entries
from api.db.snapshots import Record, Snapshot
from api.domain.audit import READ
from api.graphql.access import AUDIT
from api.graphql.context import Context, Info
from api.graphql.described import choice, field, option
from api.graphql.ids import global_id
from api.graphql.mutations.conventions import given_or_none
from api.graphql.pagination import After, Before, Connection, First, Last, Listing, connection


@strawberry.enum(description="Who acts.")
class AuditActorKind(Enum):
    KEY = choice("key", "A program with an API key.")
    PERSON = choice("person", "Somebody who signed in.")
    COMMAND = choice("command", "The command line, under a login name.")
    SYSTEM = choice("system", "Echelon itself.")


@strawberry.type(description="What an answer held of people.", directives=[AUDIT])
class AuditedRead:
    fields: list[str] = strawberry.field(
        description="Which fields and filters: `Customer.name`, `filter: email`."
    )
    customers: int = strawberry.field(description="Of how many customers, where that is known.")
    customer_ids: list[strawberry.ID] = strawberry.field(
        description="Ids of the customers, where they are 20 at most."
    )


@strawberry.type(
    description="One entry of the audit log; it is never changed nor removed.", directives=[AUDIT]
)
class AuditEntry:
    place: str = strawberry.field(description="Its chain and number, as `echelon audit` has it.")
    at: dt.datetime = strawberry.field(description="When it happened.")
    actor_kind: AuditActorKind = strawberry.field(description="Who acted.")
    actor_id: str = strawberry.field(
        description="Number of the key, subject of the person, or login name."
    )
    actor: str = strawberry.field(description="Name of the key, person or login.")
    action: str = strawberry.field(
        description="What was done: the mutation's or command's name, or `personal.read`."
    )
    request_id: str | None = strawberry.field(
        description="The request's id, which its answer and its lines in the log have, too."
    )
    objects: list[str] = strawberry.field(
        description="What was changed, as `Type:row` or `Type:key`."
    )
    arguments: str | None = strawberry.field(
        description="A keyed fingerprint of a mutation's arguments: equal for equal ones."
    )
    read: AuditedRead | None = strawberry.field(
        description="What was read of people; none for a change."
    )


@strawberry.input(description="Which entries are meant; all that is given must hold.")
class AuditFilter:
    actor: str | None = option("Name of the key, person or login.")
    action: str | None = option("Name of a mutation or command, or `personal.read`.")
    since: dt.datetime | None = option("From this moment on.")
    until: dt.datetime | None = option("Before this moment.")


def _read(row: Record, details: dict[str, Any]) -> AuditedRead | None:
    if row.action != READ:
        return None
    ids = [global_id("Customer", each) for each in details.get("customer_ids", ())]
    return AuditedRead(fields=details["fields"], customers=details["customers"], customer_ids=ids)


def _entry(row: Record) -> AuditEntry:
    details = json.loads(row.details)
    return AuditEntry(
        place=f"{row.stream}/{row.number}",
        at=row.at,
        actor_kind=AuditActorKind(row.actor_kind),
        actor_id=row.actor_id,
        actor=row.actor,
        action=row.action,
        request_id=row.request_id,
        objects=details.get("objects", []),
        arguments=details.get("arguments"),
        read=_read(row, details),
    )


def _places(context: Context) -> list[Snapshot]:
    same = context.reads is context.snapshot
    return [context.snapshot] if same else [context.snapshot, context.reads]


def _aware(moment: dt.datetime | None) -> dt.datetime | None:
    """A moment without an offset is in UTC, as all of ours are."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=dt.UTC)


@strawberry.type
class AuditQueries:
    @field("The audit log, newest first.", needs=AUDIT)
    async def audit_entries(
        self,
        info: Info,
        filter: Annotated[
            AuditFilter | None, strawberry.argument(description="Which entries are meant.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AuditEntry] | None:
        asked = filter or AuditFilter()
        wanted = Wanted(
            given_or_none(asked.actor),
            given_or_none(asked.action),
            _aware(given_or_none(asked.since)),
            _aware(given_or_none(asked.until)),
        )
        places = _places(info.context)

        async def count() -> int:
            return await count_entries(places, wanted)

        listing = Listing(f"audit/{wanted}", KEYS, info.context.cursors)
        page = await audit_page(places, wanted, listing.request(first, after, last, before))
        return connection(listing, page, _entry, count)
