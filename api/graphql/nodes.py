"""Anything by its opaque id."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import strawberry

from api.db.snapshots import Record
from api.errors import InvalidInput
from api.graphql.access import OWN_CUSTOMERS
from api.graphql.cases import customer_case, strategy_action
from api.graphql.classifications import classification
from api.graphql.context import Context, Info
from api.graphql.customers import customer
from api.graphql.described import field
from api.graphql.ids import Node, parse_id
from api.graphql.interactions import interaction
from api.graphql.loaders import Whole
from api.graphql.models import model
from api.graphql.orders import order
from api.graphql.overrides import override
from api.graphql.policies import tier_policy
from api.graphql.segments import segment
from api.graphql.sensitivity import hides_class
from api.graphql.strategies import strategy

MOST_IDS = 100
Find = Callable[[Context, int], Awaitable[Node | None]]


async def _customer(context: Context, number: int) -> Node | None:
    row = await context.loaders.customer.load(number)
    return None if row is None else customer(row, context)


async def _order(context: Context, number: int) -> Node | None:
    row = await context.loaders.order.load(number)
    return None if row is None else order(row, context)


async def _interaction(context: Context, number: int) -> Node | None:
    row = await context.loaders.interaction.load(number)
    return None if row is None else interaction(row)


def _from_table(
    table: Callable[[Context], Whole[Sequence[Record]]], build: Callable[[Record, Context], Node]
) -> Find:
    """A small table is read whole, so one that is asked for is searched there."""

    async def find(context: Context, number: int) -> Node | None:
        rows = await table(context).all()
        return next((build(row, context) for row in rows if row.id == number), None)

    return find


async def _strategy(context: Context, number: int) -> Node | None:
    rows = await context.loaders.strategies.all()
    row = next((each for each in rows if each.id == number), None)
    if row is None or row.key in context.hidden_strategies:
        return None
    return strategy(row, context)


async def _model(context: Context, number: int) -> Node | None:
    row = await context.loaders.model.load(number)
    return None if row is None else model(row)


async def _classification(context: Context, number: int) -> Node | None:
    rows = await context.loaders.classifications.all()
    row = next((each for each in rows if each.id == number), None)
    if row is None or hides_class(row.key, context):
        return None
    return classification(row, context)


async def _case(context: Context, number: int) -> Node | None:
    row = await context.loaders.case.load(number)
    return (
        None
        if row is None or await _is_foreign(row.customer_id, context)
        else customer_case(row, context)
    )


async def _action(context: Context, number: int) -> Node | None:
    row = await context.loaders.action.load(number)
    return (
        None
        if row is None or await _is_foreign(row.customer_id, context)
        else strategy_action(row, context)
    )


async def _override(context: Context, number: int) -> Node | None:
    owner = await context.loaders.customer_of_override.load(number)
    if owner is None or await _is_foreign(owner, context):
        return None
    rows = await context.loaders.overrides.load(owner) or ()
    row = next((each for each in rows if each.id == number), None)
    if row is None or (row.kind == "class" and hides_class(row.classification, context)):
        return None
    return override(row, context)


async def _is_foreign(customer: int, context: Context) -> bool:
    """Whether the caller can't see this customer: what is about them is as if it weren't there."""
    return await context.loaders.customer.load(customer) is None


FINDERS: Mapping[str, Find] = MappingProxyType(
    {
        "Classification": _classification,
        "Customer": _customer,
        "CustomerCase": _case,
        "Interaction": _interaction,
        "Model": _model,
        "Order": _order,
        "Override": _override,
        "Segment": _from_table(lambda context: context.loaders.segments, segment),
        "Strategy": _strategy,
        "StrategyAction": _action,
        "TierPolicy": _from_table(lambda context: context.loaders.policies, tier_policy),
    }
)


async def find_node(context: Context, text: str) -> Node | None:
    found = parse_id(text)
    if found is None or found[0] not in FINDERS:
        return None
    return await FINDERS[found[0]](context, found[1])


@strawberry.type
class NodeQueries:
    @field("Anything by its id; none if unknown.", needs=OWN_CUSTOMERS)
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],
    ) -> Node | None:
        return await find_node(info.context, id)

    @field("Several things by id, in the order asked for.", needs=OWN_CUSTOMERS)
    async def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="Their ids, at most 100.")
        ],
    ) -> list[Node | None] | None:
        if len(ids) > MOST_IDS:
            raise InvalidInput(f"`nodes` takes up to {MOST_IDS} ids, not {len(ids)}.")
        return await asyncio.gather(*(find_node(info.context, each) for each in ids))
