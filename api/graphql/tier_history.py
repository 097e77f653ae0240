"""The tiers a customer has and had."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import strawberry

from api.db.tiers import TIER_HISTORY
from api.graphql.comparisons import DateComparison, KeyComparison
from api.graphql.described import choice, option
from api.graphql.ordering import OrderDirection, direction
from api.graphql.owned_lists import OwnedList


@strawberry.input(description="Which stays in tiers are meant; all that is given must hold.")
class TierHistoryFilter:
    and_: list[TierHistoryFilter] | None = option("All of these hold.", "and")
    or_: list[TierHistoryFilter] | None = option("At least one of these holds.", "or")
    not_: TierHistoryFilter | None = option("This does not hold.", "not")
    tier: KeyComparison | None = option("By the key of the tier.")
    since: DateComparison | None = option("By the first day in it.")
    until: DateComparison | None = option("By the day it ended.")


@strawberry.enum(description="What stays in tiers can be sorted by; a stay that lasts comes last.")
class TierHistoryOrderField(Enum):
    SINCE = choice("since", "The first day.")
    UNTIL = choice("until", "The day it ended.")


@strawberry.input(description="One level of an order; ties are broken by the next level.")
class TierHistoryOrder:
    field: TierHistoryOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = direction()


TierHistoryFilterChoice = Annotated[
    TierHistoryFilter | None, strawberry.argument(description="Which stays are meant.")
]
TierHistoryOrderChoice = Annotated[
    list[TierHistoryOrder] | None,
    strawberry.argument(description="How to sort them; newest first if left out."),
]
OF_CUSTOMER = OwnedList("tierHistory", TIER_HISTORY, "tier_history", "tier_history_count")
