"""Root fields that look ahead before they answer the usual way.

Each gives none where the usual way has to answer: the document asks for what no mapping has, or
something went wrong, which goes wrong there again and gets its place in the answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement

from api.db.ahead.feed import FEED_PLACES, feed_level, feed_rows
from api.db.ahead.levels import Level
from api.db.ahead.pages import customer_row, page_of_customers
from api.db.ahead.relations import CUSTOMER, customers_level
from api.db.feed import FeedPosition
from api.db.listings import Asked
from api.db.pages import Position
from api.db.snapshots import SnapshotClosed
from api.errors import EchelonError
from api.graphql.ahead.connections import Pages
from api.graphql.ahead.customers import CUSTOMER as CUSTOMER_SHAPE
from api.graphql.ahead.predictions import RISK_SCORE
from api.graphql.ahead.reading import Plan, Plans
from api.graphql.ahead.shapes import Shape
from api.graphql.ahead.steps import Objects, transposed
from api.graphql.context import Finished, Info
from api.graphql.pagination import Listing, PageInfo, page_info
from api.graphql.score_feed import FeedListing, feed_page_info

Where = ColumnElement[bool]
Count = Callable[[], Awaitable[int]]
EXCUSED: tuple[type[Exception], ...] = (Exception,)
"""What makes the usual way answer; tests excuse nothing but `Missing`."""


class Ahead:
    """One of an application: it remembers plans. Root fields find it in their context."""

    def __init__(self, missed: Callable[[Exception], None]) -> None:
        """`missed` is told what went wrong where the usual way then answered."""
        self._plans = Plans()
        self._missed = missed

    def _plan(self, info: Info, shape: Shape, level: Callable[[], Level]) -> Plan | None:
        if info.context.caller.owner is not None or info.context.snapshot.owner is not None:
            return None  # sees some customers only, which the usual way looks after
        return self._plans.plan(info._raw_info, info.context, shape, level)

    async def customer(self, info: Info, where: Callable[[Any], Where]) -> Any:
        """One customer: `where` says which, of the columns that it is given."""
        plan, context = self._plan(info, CUSTOMER_SHAPE, customers_level), info.context
        if plan is None or not isinstance(plan.step, Objects):
            return None
        step = plan.step

        async def work() -> Finished:
            rows = await customer_row(
                context.snapshot, plan.texts, plan.level, where(CUSTOMER.c), alone=plan.alone
            )
            return Finished(step(transposed(rows, 0), context)[0] if rows else None)

        return await self._or_none(work())

    async def customers(self, info: Info, asked: Asked, listing: Listing, count: Count) -> Any:
        plan, context = self._plan(info, CUSTOMER_SHAPE, customers_level), info.context
        if plan is None or not isinstance(plan.step, Pages):
            return None
        step = plan.step

        async def work() -> Finished:
            page, rows = await page_of_customers(
                context.snapshot, plan.texts, plan.level, asked, alone=plan.alone
            )
            nodes = step.nodes(transposed(rows, plan.width(len(asked.keys))), context)
            ends = partial(page_info, listing, page)
            return await _counted(step, nodes, page.positions, listing, ends, count)

        return await self._or_none(work())

    async def scores(
        self,
        info: Info,
        where: Where,
        position: FeedPosition | None,
        size: int,
        listing: FeedListing,
        count: Count,
    ) -> Any:
        plan, context = self._plan(info, RISK_SCORE, feed_level), info.context
        if plan is None or not isinstance(plan.step, Pages):
            return None
        step, statement = plan.step, (plan.texts, plan.level)

        async def work() -> Finished | None:
            found = await feed_rows(
                context.snapshot, statement, where, position, size, alone=plan.alone
            )
            if found is None:
                return None
            nodes = step.nodes(transposed(found.rows, plan.width(FEED_PLACES)), context)
            known = found.page.position.known
            positions = [(row[-FEED_PLACES], known) for row in found.rows]
            ends = partial(feed_page_info, listing, found.page)
            return await _counted(step, nodes, positions, listing, ends, count)

        return await self._or_none(work())

    async def _or_none(self, work: Awaitable[Finished | None]) -> Finished | None:
        """What the work gives; none where it fails and the usual way is to answer."""
        try:
            return await work
        except (EchelonError, SnapshotClosed):
            raise
        except EXCUSED as error:
            self._missed(error)
            return None


async def _counted(
    pages: Pages,
    nodes: Sequence[Any],
    positions: Sequence[Position],
    listing: Listing,
    ends: Callable[[], PageInfo],
    count: Count,
) -> Finished:
    found = pages.answer(nodes, positions, listing, ends)
    if pages.counts:
        total = await count()
        found |= {name: total for name, field, _ in pages.entries if field == "totalCount"}
    return Finished(found)
