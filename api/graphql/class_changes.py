"""The feed of who moved from one class to another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

import strawberry

from api.db.class_reading import FEED, ChangeFilter, change_page, count_changes
from api.db.snapshots import Record
from api.errors import NotFound
from api.graphql.access import CUSTOMERS, OWN_CUSTOMERS
from api.graphql.context import Context, Info
from api.graphql.customer_classes import value_label
from api.graphql.customers import Customer, customer
from api.graphql.described import field
from api.graphql.language import LanguageChoice
from api.graphql.pagination import After, Connection, First, Listing, connection
from api.graphql.sensitivity import hides_class, note_class

LARGEST_FEED_PAGE = 5_000


@strawberry.type(
    description="A customer moved from one class of a classification to another.",
    directives=[CUSTOMERS],
)
class ClassChange:
    classification: str = strawberry.field(description="Key of the classification.")
    previous: str | None = strawberry.field(description="The value before; none: had none.")
    current: str | None = strawberry.field(description="The value since then; none: has none.")
    changed_on: dt.date = strawberry.field(description="The first day with the new value.")
    published_at: dt.datetime = strawberry.field(
        description="When the refresh that found it was published."
    )
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Who moved.")
    async def customer(self) -> Customer:
        row = await self.context.loaders.customer.load(self.row.customer_id)
        if row is None:
            raise NotFound("This customer is no more.")
        return customer(row, self.context)

    @field("The value before, for people.")
    async def previous_label(self, language: LanguageChoice = None) -> str | None:
        return await self._label(self.previous, language)

    @field("The value since then, for people.")
    async def current_label(self, language: LanguageChoice = None) -> str | None:
        return await self._label(self.current, language)

    async def _label(self, value: str | None, language: LanguageChoice) -> str | None:
        rows = await self.context.loaders.classifications.all()
        found = next((row for row in rows if row.key == self.classification), None)
        if found is None:
            return value
        return value_label(found.document, value, language, self.context)


def _change(row: Record, context: Context) -> ClassChange:
    note_class(row.classification, context, (row.customer_id,))
    return ClassChange(
        classification=row.classification,
        previous=row.previous,
        current=row.current,
        changed_on=row.changed_on,
        published_at=row.published_at,
        row=row,
        context=context,
    )


def _shown(rows: Sequence[Record], context: Context) -> tuple[str, ...] | None:
    """Classifications whose changes the caller may see; None: of all.

    Of one that was given up nobody can say any more what it rested on.
    """
    sensitive = any(each.sensitive for each in context.business.fields.values())
    if not sensitive or context.caller.may("pii:read"):
        return None
    return tuple(row.key for row in rows if not hides_class(row.key, context))


Key = Annotated[str | None, strawberry.argument(description="Only of this classification.")]
From = Annotated[
    str | None, strawberry.argument(name="from", description="Only who had this value.")
]
To = Annotated[str | None, strawberry.argument(description="Only who has this value since.")]
Since = Annotated[dt.date | None, strawberry.argument(description="Only from this day on.")]


@strawberry.type
class ClassChangeQueries:
    @field(
        "Changes of class in the order in which they were published. Keep the last `endCursor`: "
        "given as `after`, it delivers what has changed since.",
        needs=OWN_CUSTOMERS,
    )
    async def class_changes(
        self,
        info: Info,
        classification: Key = None,
        came_from: From = None,
        to: To = None,
        since: Since = None,
        first: First = None,
        after: After = None,
    ) -> Connection[ClassChange] | None:
        context = info.context
        rows = await context.loaders.classifications.all()
        given = ChangeFilter(classification, came_from, to, since, _shown(rows, context))

        async def count() -> int:
            return await count_changes(context.snapshot, given)

        listing = Listing(f"classChanges/{given}", FEED, context.cursors, LARGEST_FEED_PAGE)
        page = await change_page(context.snapshot, given, listing.request(first, after, None, None))
        answer = connection(listing, page, lambda row: _change(row, context), count)
        if not page.rows:
            # Nothing new: the cursor to go on from tomorrow is the one that came.
            answer.page_info.end_cursor = after
        return answer
