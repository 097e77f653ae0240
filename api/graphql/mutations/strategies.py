"""Storing strategies, switching them on and off, and what may be spent on them."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from sqlalchemy import Connection
from strawberry.scalars import JSON

from api.db import strategy_writes as stored
from api.domain.rules import parse_rule
from api.graphql.access import INHERITED, STRATEGIES_WRITE
from api.graphql.context import Info
from api.graphql.described import option
from api.graphql.mutations.conventions import (
    Payload,
    attempt,
    change_by,
    given_or_none,
    mutation,
    of,
)
from api.graphql.mutations.segments import reading
from api.graphql.sensitivity import require_conditions
from api.graphql.strategies import Strategy, strategy


@strawberry.input(description="A strategy to be stored.")
class SaveStrategyInput:
    document: JSON = strawberry.field(
        description="The strategy: key, name, description and steps in English and Chinese, "
        "`when`, action, owner_role, due_days; cost, expected_gain, offer, content and more."
    )
    expected_version: int | None = option(
        "The version that the change was made from; none for a new strategy."
    )
    reason: str | None = option("Why, in 1 to 500 characters.")


@strawberry.input(description="A strategy to be recommended, or not any more.")
class SetStrategyActiveInput:
    key: str = strawberry.field(description="Its key.")
    active: bool = strawberry.field(description="Whether it is to be recommended.")
    expected_version: int = strawberry.field(description="The version you have seen.")
    reason: str | None = option("Why, in 1 to 500 characters.")


@strawberry.input(description="What may be spent on strategies.")
class SaveResourcePlanInput:
    document: JSON = strawberry.field(
        description="capacities by owner role, budget, contact_minutes by channel."
    )
    expected_version: int | None = option("The version that the change was made from.")
    reason: str | None = option("Why, in 1 to 500 characters.")


@strawberry.type(description="What changes of strategies answer.", directives=[INHERITED])
class StrategyPayload(Payload):
    strategies: list[Strategy] | None = strawberry.field(
        description="The strategies as they are now.", default=None
    )


@strawberry.type(description="What `saveResourcePlan` answers.", directives=[INHERITED])
class ResourcePlanPayload(Payload):
    version: int | None = strawberry.field(description="Its version now.", default=None)


async def _strategies(info: Info, ids: list[int]) -> list[Strategy]:
    rows = {row.id: row for row in await info.context.loaders.strategies.all()}
    return [strategy(rows[each], info.context) for each in ids]


@strawberry.type
class StrategyMutations:
    @mutation(
        "Store a strategy; it is recommended from the next refresh on.", needs=STRATEGIES_WRITE
    )
    async def save_strategy(
        self,
        info: Info,
        input: Annotated[SaveStrategyInput, strawberry.argument(description="What to store.")],
    ) -> StrategyPayload | None:
        expected = given_or_none(input.expected_version)

        def save(connection: Connection) -> int:
            change = change_by(info, given_or_none(input.reason))
            document: Any = input.document
            how = reading(info.context)
            saved = stored.save_strategy(connection, document, expected, how, change)
            rule = parse_rule(document["when"], how.fields, how.exponent)
            require_conditions(rule.conditions(), info.context, "document.when")
            return saved

        done = await attempt(info, "input", save, of("Strategy"))
        if done.value is None:
            return StrategyPayload(user_errors=done.errors)
        return StrategyPayload(strategies=await _strategies(info, [done.value]))

    @mutation("Begin or cease to recommend a strategy.", needs=STRATEGIES_WRITE)
    async def set_strategy_active(
        self,
        info: Info,
        input: Annotated[SetStrategyActiveInput, strawberry.argument(description="Which one.")],
    ) -> StrategyPayload | None:
        def switch(connection: Connection) -> int:
            change = change_by(info, given_or_none(input.reason))
            return stored.set_active(
                connection, input.key, input.active, input.expected_version, change
            )

        done = await attempt(info, "input", switch, of("Strategy"))
        if done.value is None:
            return StrategyPayload(user_errors=done.errors)
        return StrategyPayload(strategies=await _strategies(info, [done.value]))

    @mutation(
        "Of strategies that contradict each other, recommend those of one variant only.",
        needs=STRATEGIES_WRITE,
    )
    async def choose_strategy_variant(
        self,
        info: Info,
        variant: Annotated[str, strawberry.argument(description="Such as convert or upkeep.")],
    ) -> StrategyPayload | None:
        def choose(connection: Connection) -> list[int]:
            return list(stored.choose_variant(connection, variant, change_by(info)))

        done = await attempt(info, "variant", choose, of("Strategy"))
        if done.value is None:
            return StrategyPayload(user_errors=done.errors)
        return StrategyPayload(strategies=await _strategies(info, done.value))

    @mutation(
        "Store what may be spent on strategies; it counts from the next refresh on.",
        needs=STRATEGIES_WRITE,
    )
    async def save_resource_plan(
        self,
        info: Info,
        input: Annotated[SaveResourcePlanInput, strawberry.argument(description="What to store.")],
    ) -> ResourcePlanPayload | None:
        expected = given_or_none(input.expected_version)

        def save(connection: Connection) -> int:
            change = change_by(info, given_or_none(input.reason))
            document, exponent = input.document, info.context.exponent
            return stored.save_resource_plan(connection, document, expected, exponent, change)  # type: ignore[arg-type]

        done = await attempt(info, "input", save, lambda version: [f"ResourcePlan:{version}"])
        return ResourcePlanPayload(version=done.value, user_errors=done.errors)
