"""Recording what a customer allows or withdraws."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from api.db.consents import Word, record_word
from api.db.overrides import find_customer
from api.domain.customers import LONGEST_TEXT, clean
from api.errors import InvalidInput
from api.graphql.access import CUSTOMERS_WRITE, INHERITED
from api.graphql.consents import Consent, consent
from api.graphql.context import Context, Info
from api.graphql.described import option
from api.graphql.mutations.conventions import (
    Payload,
    actor,
    attempt,
    given_or_none,
    mutation,
    of,
)

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


@strawberry.input(description="What a customer said about one purpose and channel.")
class RecordConsentInput:
    external_id: str = strawberry.field(description="The business's own customer number.")
    purpose: str = strawberry.field(
        description="What for, in small letters: `marketing` for offers, `profiling` for being "
        "judged by models, `partner_sharing` for partners being told of it, or one of your own."
    )
    channel: str = strawberry.field(
        description="By which channel, in small letters: email, phone, web, any ..."
    )
    granted: bool = strawberry.field(description="Allowed (true) or withdrawn (false).")
    recorded_at: dt.datetime | None = option("When they said so; left out, now.")
    proof: str | None = option(
        "Where the proof is, in 1 to 400 characters; encrypted, and shown with pii:read only."
    )


@strawberry.type(description="What `recordConsent` answers.", directives=[INHERITED])
class RecordConsentPayload(Payload):
    consents: list[Consent] | None = strawberry.field(
        description="All latest words of the customer as they are now.", default=None
    )


@strawberry.type
class ConsentMutations:
    @mutation(
        "Write down what a customer allows or withdraws. The latest word by `recordedAt` counts; a "
        "withdrawal takes effect at once, permission to market with the next refresh.",
        needs=CUSTOMERS_WRITE,
    )
    async def record_consent(
        self,
        info: Info,
        input: Annotated[RecordConsentInput, strawberry.argument(description="What was said.")],
    ) -> RecordConsentPayload | None:
        context, who = info.context, actor(info)

        def record(connection: Connection) -> int:
            customer = find_customer(connection, input.external_id, who.owner)
            word = _word(input, customer, context)
            record_word(connection, word, f"api:{who.author}", who.now)
            return customer

        done = await attempt(info, "input", record, of("Customer"))
        if done.value is None:
            return RecordConsentPayload(user_errors=done.errors)
        rows = await context.loaders.consents.load(done.value) or ()
        return RecordConsentPayload(
            consents=[consent(row, input.external_id, context) for row in rows]
        )


def _word(input: RecordConsentInput, customer: int, context: Context) -> Word:
    said_at = given_or_none(input.recorded_at) or context.now
    if said_at.tzinfo is None:
        raise InvalidInput("recordedAt: say in which time zone, as in 2026-03-01T12:30:00Z.")
    if said_at > context.now:
        raise InvalidInput("recordedAt: lies in the future.")
    for name, value in (("purpose", input.purpose), ("channel", input.channel)):
        if not KEY.fullmatch(value):
            raise InvalidInput(
                f"{name}: takes 1 to 40 small letters, digits and _, beginning with a letter."
            )
    proof = given_or_none(input.proof)
    sealed = None
    if proof is not None:
        text = clean("proof", proof, LONGEST_TEXT)
        sealed = context.cipher.encrypt("proof", input.external_id, text)
    return Word(customer, input.purpose, input.channel, said_at, input.granted, sealed)
