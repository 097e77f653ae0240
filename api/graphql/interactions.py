"""Contacts with a customer: campaigns, calls, visits, redemptions."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated

import strawberry

from api.db.interactions import INTERACTIONS
from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS
from api.graphql.comparisons import (
    Comparison,
    DateComparison,
    NumberComparison,
    TextComparison,
)
from api.graphql.described import choice, option
from api.graphql.ids import Node, global_id
from api.graphql.ordering import OrderDirection, direction
from api.graphql.owned_lists import OwnedList


@strawberry.enum(description="Who made contact.")
class ContactDirection(Enum):
    INBOUND = choice("inbound", "The customer.")
    OUTBOUND = choice("outbound", "The business.")


@strawberry.type(
    description="A contact between the business and a customer.", directives=[CUSTOMERS]
)
class Interaction(Node):
    external_id: str = strawberry.field(description="The business's own number.")
    occurred_at: dt.datetime = strawberry.field(description="When it happened.")
    channel: str = strawberry.field(description="How: mail, phone, store ...")
    direction: ContactDirection = strawberry.field(description="Who made contact.")
    kind: str = strawberry.field(description="What it was: campaign, call, redemption ...")
    subject: str | None = strawberry.field(description="What it was about.")
    response_seconds: float | None = strawberry.field(
        description="How long the answer took, where there was one."
    )


def interaction(row: Record) -> Interaction:
    return Interaction(
        id=global_id("Interaction", row.id),
        external_id=row.external_id,
        occurred_at=row.occurred_at,
        channel=row.channel,
        direction=ContactDirection(row.direction),
        kind=row.kind,
        subject=row.subject,
        response_seconds=row.response_seconds,
    )


@strawberry.input(description="Which contacts are meant; all that is given must hold.")
class InteractionFilter:
    and_: list[InteractionFilter] | None = option("All of these hold.", "and")
    or_: list[InteractionFilter] | None = option("At least one of these holds.", "or")
    not_: InteractionFilter | None = option("This does not hold.", "not")
    external_id: TextComparison | None = option("By the business's own number.")
    occurred_at: DateComparison | None = option("By the business day it happened on.")
    channel: TextComparison | None = option("By channel.")
    direction: Comparison[ContactDirection] | None = option("By who made contact.")
    kind: TextComparison | None = option("By what it was.")
    subject: TextComparison | None = option("By what it was about.")
    response_seconds: NumberComparison | None = option("By how long the answer took.")


@strawberry.enum(description="What contacts can be sorted by; those without a value come last.")
class InteractionOrderField(Enum):
    OCCURRED_AT = choice("occurred_at", "When they happened.")
    RESPONSE_SECONDS = choice("response_seconds", "How long the answer took.")
    CHANNEL = choice("channel", "The channel.")


@strawberry.input(description="One level of an order; ties are broken by the next level.")
class InteractionOrder:
    field: InteractionOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = direction()


InteractionFilterChoice = Annotated[
    InteractionFilter | None, strawberry.argument(description="Which contacts are meant.")
]
InteractionOrderChoice = Annotated[
    list[InteractionOrder] | None,
    strawberry.argument(description="How to sort them; newest first if left out."),
]
OF_CUSTOMER = OwnedList("interactions", INTERACTIONS, "interactions", "interaction_count")
