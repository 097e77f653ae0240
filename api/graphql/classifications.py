"""Classifications: what they say, what was drawn, who is in them, who is near a boundary."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from api.db.class_reading import (
    class_members,
    count_members,
    neighbours,
)
from api.db.snapshots import Record
from api.domain.fields import nearest, shown
from api.errors import InvalidInput
from api.graphql.access import CUSTOMERS, OWN_RULES, RULES
from api.graphql.context import Context, Info
from api.graphql.customer_classes import class_reader, value_label
from api.graphql.customer_order import FilterChoice, OrderChoice, ask_customers
from api.graphql.customers import Customer, customer
from api.graphql.described import field
from api.graphql.ids import Node, global_id
from api.graphql.language import LanguageChoice
from api.graphql.pagination import After, Before, Connection, First, Last, connection
from api.graphql.sensitivity import hides_class
from api.graphql.strategies import bilingual


@strawberry.type(description="A value that a classification may give.", directives=[RULES])
class ClassValue:
    value: str = strawberry.field(description="Key of the value.")
    count: int | None = strawberry.field(
        description="Customers who had it after the last refresh; none before the first one, "
        "and none for who sees their own customers only."
    )
    next: list[str] | None = strawberry.field(
        description="What people may change it to; none where people do not set it step by step."
    )
    document: strawberry.Private[dict[str, Any]]
    context: strawberry.Private[Context]

    @field("The value for people.")
    def label(self, language: LanguageChoice = None) -> str:
        return str(value_label(self.document, self.value, language, self.context))


@strawberry.type(description="A customer near a cut-off.", directives=[CUSTOMERS])
class BoundaryCustomer:
    measured: float = strawberry.field(
        description="Their measure; money in minor units of the base currency."
    )
    customer: Customer = strawberry.field(description="Who it is.")


@strawberry.type(
    description="A cut-off, and who is nearest to it on both sides.", directives=[RULES]
)
class ClassBoundary:
    value: str = strawberry.field(description="The value that begins here.")
    measure: str = strawberry.field(description="The field that is cut.")
    cutoff: float = strawberry.field(
        description="The least that still has the value; money in minor units."
    )
    above: list[BoundaryCustomer] = strawberry.field(
        description="The last ones who have it, nearest first, up to 5."
    )
    below: list[BoundaryCustomer] = strawberry.field(
        description="The first ones who miss it, nearest first, up to 5."
    )


@strawberry.type(description="A version of a classification.", directives=[RULES])
class ClassificationVersion:
    version: int = strawberry.field(description="Raised by each change.")
    active: bool = strawberry.field(description="Whether refreshes decide by it.")
    effective_from: dt.date | None = strawberry.field(
        description="The first day it decides; none: from its first refresh on."
    )
    effective_to: dt.date | None = strawberry.field(description="The day another took over.")
    as_of: dt.date | None = strawberry.field(description="The last day it decided.")
    cutoffs: JSON | None = strawberry.field(description="What it drew on that day.")
    document: JSON = strawberry.field(description="The classification as it was written.")


ValueArgument = Annotated[str, strawberry.argument(description="Key of one of its values.")]


@strawberry.type(description="A way to tell customers apart by named values.", directives=[RULES])
class Classification(Node):
    key: str = strawberry.field(description="Stable short name.")
    kind: str = strawberry.field(
        description="How values are given: rfm, cumulative_share, bands, weighted, rules, "
        "by_hand, status or lifecycle."
    )
    compared: str = strawberry.field(name="field", description="What rules call it.")
    version: int = strawberry.field(description="Raised by each change of the document.")
    as_of: dt.date | None = strawberry.field(
        description="The day of the last refresh that decided by it."
    )
    cutoffs: JSON | None = strawberry.field(
        description="What that refresh drew from the customers; money in minor units."
    )
    document: JSON = strawberry.field(description="The classification as it is written.")
    values: list[ClassValue] = strawberry.field(description="What it may say, in its own order.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Name for people.")
    def name(self, language: LanguageChoice = None) -> str:
        return bilingual(self.row.document["name"], language, self.context)

    @field("What it tells apart.")
    def description(self, language: LanguageChoice = None) -> str:
        return bilingual(self.row.document["description"], language, self.context)

    @field("Its versions: the latest 100, newest first.")
    async def versions(self) -> list[ClassificationVersion]:
        rows = await self.context.loaders.class_versions.load(self.key) or ()
        return [_version(row) for row in rows]

    @field("The customers who have a value now.")
    async def members(
        self,
        value: ValueArgument,
        filter: FilterChoice = None,
        order_by: OrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Customer]:
        keys = [each.value for each in self.values]
        if value not in keys:
            raise InvalidInput(f"value: {self.key} is never {shown(value)}{nearest(value, keys)}.")
        context, key = self.context, self.key
        bounds = (first, after, last, before)
        name = f"class/{key}/{value}"
        listing, asked = ask_customers(name, context, bounds, filter, order_by)

        async def count() -> int:
            return await count_members(context.snapshot, key, value, asked)

        page = await class_members(context.snapshot, key, value, asked)
        return connection(listing, page, lambda row: customer(row, context), count)

    @field("Who is nearest to each cut-off; empty where nothing measured is cut.")
    async def boundary(self) -> list[ClassBoundary]:
        reader = class_reader(self.context)
        parsed = next(each for each in reader.classifications if each.key == self.key)
        measure = getattr(parsed.kind, "measure", None)
        cutoffs = reader.cutoffs.get(self.key, {})
        bounds = [(key, cut) for key, cut in cutoffs.items() if cut is not None]
        if measure is None or not bounds:
            return []
        rows = await neighbours(self.context.snapshot, self.key, measure, bounds)
        return [
            _boundary(measure.name, bound, rows, place, self.context)
            for place, bound in enumerate(bounds)
        ]


def _boundary(
    measure: str, bound: tuple[str, float], rows: Any, place: int, context: Context
) -> ClassBoundary:
    near = [row for row in rows if row.bound_place == place]

    def side(above: bool) -> list[BoundaryCustomer]:
        chosen = [row for row in near if bool(row.above) == above]
        chosen.sort(key=lambda row: (abs(row.measured - bound[1]), row.id))
        return [
            BoundaryCustomer(measured=float(row.measured), customer=customer(row, context))
            for row in chosen
        ]

    return ClassBoundary(
        value=bound[0], measure=measure, cutoff=bound[1], above=side(True), below=side(False)
    )


def _version(row: Record) -> ClassificationVersion:
    return ClassificationVersion(
        version=row.version,
        active=row.active,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        as_of=row.as_of,
        cutoffs=row.cutoffs,
        document=row.document,
    )


def classification(row: Record, context: Context) -> Classification:
    reader = class_reader(context)
    parsed = next(each for each in reader.classifications if each.key == row.key)
    counts = row.counts or {}
    return Classification(
        id=global_id("Classification", row.id),
        key=row.key,
        kind=parsed.kind_name,
        compared=parsed.field_name,
        version=row.version,
        as_of=row.as_of,
        cutoffs=row.cutoffs,
        document=row.document,
        values=[
            ClassValue(
                value=each.key,
                count=None if context.caller.owner else counts.get(each.key),
                next=None if parsed.transitions is None else list(parsed.transitions[each.key]),
                document=row.document,
                context=context,
            )
            for each in parsed.values
        ],
        row=row,
        context=context,
    )


@strawberry.type
class ClassificationQueries:
    @field(
        "Every classification that decides now; those that rest on sensitive attributes only "
        "with pii:read.",
        needs=OWN_RULES,
    )
    async def classifications(self, info: Info) -> list[Classification] | None:
        context = info.context
        rows = await context.loaders.classifications.all()
        return [classification(row, context) for row in rows if not hides_class(row.key, context)]

    @field("A classification by its key; none if unknown.", needs=OWN_RULES, name="classification")
    async def classification_by_key(
        self, info: Info, key: Annotated[str, strawberry.argument(description="Its key.")]
    ) -> Classification | None:
        context = info.context
        rows = await context.loaders.classifications.all()
        found = next((row for row in rows if row.key == key), None)
        if found is None or hides_class(key, context):
            return None
        return classification(found, context)
