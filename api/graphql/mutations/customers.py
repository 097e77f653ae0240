"""Creating customers and changing what is known of them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import strawberry
from sqlalchemy import Connection
from strawberry import UNSET
from strawberry.scalars import JSON

from api.db.customer_writes import (
    CONTACTS,
    Author,
    Said,
    attribute_types,
    create_customer,
    update_customer,
)
from api.domain.customers import (
    LONGEST,
    LONGEST_ID,
    attribute_value,
    clean,
    contact,
    new_external_id,
    plain_text,
)
from api.errors import Forbidden, InvalidInput
from api.graphql.access import CUSTOMERS_WRITE, INHERITED
from api.graphql.classes import CustomerKind
from api.graphql.context import Context, Info
from api.graphql.customers import Customer, customer
from api.graphql.described import option
from api.graphql.mutations.conventions import Payload, attempt, given_or_none, mutation, of

MOST_ATTRIBUTES = 50
NEEDS_PII = "; needs pii:read"
OWNER = (
    "The business's own identifier of who looks after them. Who sees their own customers only "
    "leaves it out, or gives their own."
)


@strawberry.input(description="The value of a custom attribute, from now on.")
class AttributeInput:
    name: str = strawberry.field(
        description="Name of an attribute that imports have made; a sensitive one needs pii:read."
    )
    value: JSON = strawberry.field(
        description="A number, a text, a boolean or a day as text, as the attribute takes."
    )


@strawberry.input(description="A customer to be created.")
class CreateCustomerInput:
    external_id: str | None = option(
        "The business's own customer number; left out, one is made. Who sees their own customers "
        "only leaves it out: whether a number is taken would tell of other customers."
    )
    kind: CustomerKind = strawberry.field(
        default=CustomerKind.B2C, description="Whom the business deals with."
    )
    known_since: dt.date | None = option(
        "First day the business knew them; left out, today. Refreshes decide about who was known "
        "by the day they look at."
    )
    name: str | None = option(f"Their name{NEEDS_PII}.")
    email: str | None = option(f"Their e-mail address{NEEDS_PII}.")
    phone: str | None = option(f"Their phone number, with country code{NEEDS_PII}.")
    region: str | None = option("Where they are.")
    industry: str | None = option("Their industry.")
    owner: str | None = option(OWNER)
    attributes: list[AttributeInput] | None = option("Custom attributes, each once, up to 50.")


@strawberry.input(
    description="What is to be changed of a customer: what is left out stays, null takes it away."
)
class UpdateCustomerInput:
    external_id: str = strawberry.field(description="The business's own customer number.")
    expected_version: int = strawberry.field(description="The `version` you have seen.")
    kind: CustomerKind | None = option("Whom the business deals with; can't be taken away.")
    name: str | None = option(f"Their name{NEEDS_PII}.")
    email: str | None = option(f"Their e-mail address{NEEDS_PII}.")
    phone: str | None = option(f"Their phone number, with country code{NEEDS_PII}.")
    region: str | None = option("Where they are.")
    industry: str | None = option("Their industry.")
    owner: str | None = option(OWNER)
    attributes: list[AttributeInput] | None = option("Custom attributes, each once, up to 50.")


@strawberry.type(
    description="What creating and changing a customer answers.", directives=[INHERITED]
)
class CustomerPayload(Payload):
    customer: Customer | None = strawberry.field(
        description="The customer as they are now.", default=None
    )


CreateArgument = Annotated[CreateCustomerInput, strawberry.argument(description="Whom.")]
UpdateArgument = Annotated[UpdateCustomerInput, strawberry.argument(description="What.")]


@strawberry.type
class CustomerMutations:
    @mutation(
        "Create a customer; the next refresh tells them apart and decides about them.",
        needs=CUSTOMERS_WRITE,
        name="createCustomer",
    )
    async def create(self, info: Info, input: CreateArgument) -> CustomerPayload | None:
        context = info.context
        _require_rights(input, context)

        def make(connection: Connection) -> int:
            said = _said(connection, input, context)
            number = _new_number(input, context)
            known_at = _known_at(given_or_none(input.known_since), context)
            return create_customer(
                connection, number, known_at, said, context.cipher, _author(context)
            )

        return await _answer(info, make)

    @mutation(
        "Change what is known of a customer; the next refresh takes it into account.",
        needs=CUSTOMERS_WRITE,
        name="updateCustomer",
    )
    async def update(self, info: Info, input: UpdateArgument) -> CustomerPayload | None:
        context = info.context
        _require_rights(input, context)

        def change(connection: Connection) -> int:
            said = _said(connection, input, context)
            return update_customer(
                connection,
                input.external_id,
                input.expected_version,
                said,
                context.cipher,
                _author(context),
            )

        return await _answer(info, change)


async def _answer(info: Info, work: Any) -> CustomerPayload:
    done = await attempt(info, "input", work, of("Customer"))
    if done.value is None:
        return CustomerPayload(user_errors=done.errors)
    row = await info.context.loaders.customer.load(done.value)
    found = None if row is None else customer(row, info.context)
    return CustomerPayload(customer=found)


def _author(context: Context) -> Author:
    caller = context.caller
    return Author(f"api:{caller.name}", caller.owner, context.now)


def _require_rights(input: CreateCustomerInput | UpdateCustomerInput, context: Context) -> None:
    """Who may not see contact details would overwrite them unseen.

    Raises:
        Forbidden: the input has some, and the key lacks pii:read.
    """
    if not context.caller.may("pii:read"):
        for name in CONTACTS:
            if getattr(input, name) is not UNSET:
                raise Forbidden(f"{name} is written with a key that has the scope pii:read.")


def _said(
    connection: Connection, input: CreateCustomerInput | UpdateCustomerInput, context: Context
) -> Said:
    texts = {name: getattr(input, name) for name in LONGEST}
    plain: dict[str, Any] = {
        name: plain_text(name, value) for name, value in texts.items() if value is not UNSET
    }
    own = context.caller.owner
    if own is not None:
        if plain.get("owner", own) != own:
            raise InvalidInput("owner: this key's owner sees their own customers only.")
        if isinstance(input, CreateCustomerInput):
            plain["owner"] = own
    if input.kind is None:
        raise InvalidInput("kind: every customer has one; leave it out to keep it.")
    if input.kind is not UNSET:
        plain["kind"] = input.kind.value
    contacts = {name: getattr(input, name) for name in CONTACTS}
    return Said(
        plain,
        {name: contact(name, value) for name, value in contacts.items() if value is not UNSET},
        _attributes(connection, given_or_none(input.attributes) or [], context),
    )


def _attributes(
    connection: Connection, given: list[AttributeInput], context: Context
) -> dict[str, Any]:
    if len(given) > MOST_ATTRIBUTES:
        raise InvalidInput(f"attributes: takes {MOST_ATTRIBUTES} at once.")
    known = attribute_types(connection) if given else {}
    personal = context.caller.may("pii:read")
    types = {name: kind for name, (kind, hidden) in known.items() if personal or not hidden}
    found: dict[str, Any] = {}
    for place, each in enumerate(given):
        path = f"attributes[{place}]"
        if each.name in found:
            raise InvalidInput(f"{path}.name: is given twice.")
        found[each.name] = attribute_value(path, each.name, types, each.value)
    return found


def _new_number(input: CreateCustomerInput, context: Context) -> str:
    given = given_or_none(input.external_id)
    if given is None:
        return new_external_id()
    if context.caller.owner is not None:
        raise InvalidInput(
            "externalId: leave it out; this key's owner sees their own customers only, and whether "
            "a number is taken would tell of others."
        )
    return clean("externalId", given, LONGEST_ID)


def _known_at(day: dt.date | None, context: Context) -> dt.datetime:
    """The beginning of that day where the business is; now, if none is given."""
    if day is None:
        return context.now
    if not dt.date(1900, 1, 1) <= day <= context.now.astimezone(context.zone).date():
        raise InvalidInput("knownSince: takes a day from 1900-01-01 on that is not in the future.")
    return dt.datetime.combine(day, dt.time(), context.zone).astimezone(dt.UTC)
