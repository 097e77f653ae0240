"""Tier policies: what they say, who moved, and what another one would do."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from api.db.snapshots import Record
from api.db.tiers import tier_migration
from api.errors import InvalidInput
from api.graphql.access import CATALOGUE, OWN_RULES, OWN_STATISTICS, RULES, STATISTICS
from api.graphql.context import Context, Info
from api.graphql.described import choice, field
from api.graphql.ids import Node, global_id
from api.graphql.language import LanguageChoice
from api.graphql.strategies import bilingual


@strawberry.type(description="A tier of the active policy.", directives=[RULES])
class Tier:
    key: str = strawberry.field(description="Stable short name.")
    rank: int = strawberry.field(description="1 is the best tier.")
    document: strawberry.Private[dict[str, Any]]
    context: strawberry.Private[Context]

    @field("Name for people.")
    def name(self, language: LanguageChoice = None) -> str:
        return bilingual(self.document["name"], language, self.context)

    @field("Who is meant.")
    def description(self, language: LanguageChoice = None) -> str:
        return bilingual(self.document["description"], language, self.context)

    @field("How many customers have it now.")
    async def customer_count(self) -> int:
        return (await self.context.loaders.tier_counts.all()).get(self.key, 0)


@strawberry.enum(description="What has become of a version of a policy.")
class TierPolicyState(Enum):
    DRAFT = choice("draft", "Stored, and never in force.")
    SCHEDULED = choice("scheduled", "To be in force from a later day on.")
    ACTIVE = choice("active", "In force: refreshes decide by it.")
    ENDED = choice("ended", "Was in force until another took over.")


@strawberry.type(description="A version of a tier policy.", directives=[RULES])
class TierPolicy(Node):
    key: str = strawberry.field(description="Stable short name.")
    version: int = strawberry.field(description="Raised by each change.")
    active: bool = strawberry.field(description="Whether refreshes decide by it.")
    created_at: dt.datetime = strawberry.field(description="When it was stored.")
    effective_from: dt.date | None = strawberry.field(
        description="The first day it decides; none for a draft and for what is there since ever."
    )
    effective_to: dt.date | None = strawberry.field(
        description="The day another takes over; none while that is open."
    )
    author: str | None = strawberry.field(description="Who stored it, where that is known.")
    activated_by: str | None = strawberry.field(
        description="Who put it in force, where that is known."
    )
    activated_at: dt.datetime | None = strawberry.field(
        description="When that was, where it is known."
    )
    reason: str | None = strawberry.field(description="Why it was put in force.")
    restores_version: int | None = strawberry.field(
        description="The earlier version that it brought back."
    )
    document: JSON = strawberry.field(description="The policy as it was written.")
    content: strawberry.Private[dict[str, Any]]
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("What has become of it.")
    async def state(self) -> TierPolicyState:
        if self.row.state == "draft":
            return TierPolicyState.DRAFT
        if self.active:
            return TierPolicyState.ACTIVE
        rows = await self.context.loaders.policies.all()
        now = next((row.effective_from for row in rows if row.active), None)
        begun = self.effective_from is None or (now is not None and self.effective_from <= now)
        return TierPolicyState.ENDED if begun else TierPolicyState.SCHEDULED

    @field("Name for people.")
    def name(self, language: LanguageChoice = None) -> str:
        return bilingual(self.content["name"], language, self.context)

    @field("What it is for.")
    def description(self, language: LanguageChoice = None) -> str:
        return bilingual(self.content["description"], language, self.context)


@strawberry.type(
    description="Customers who moved from one tier to another, or stayed.", directives=[STATISTICS]
)
class TierMove:
    from_tier: str | None = strawberry.field(description="The tier before; none: had none.")
    to_tier: str | None = strawberry.field(description="The tier after; none: has none.")
    customers: int = strawberry.field(description="How many.")


@strawberry.type(
    description="How many customers a tier has before and after.", directives=[STATISTICS]
)
class TierCount:
    tier: str | None = strawberry.field(description="The tier; none: below the lowest.")
    before: int = strawberry.field(description="Customers before.")
    after: int = strawberry.field(description="Customers after.")


@strawberry.type(
    description="Who moved from which tier to which: a matrix, cell by cell.",
    directives=[STATISTICS],
)
class TierMigration:
    moves: list[TierMove] = strawberry.field(description="Cells that are not empty.")
    counts: list[TierCount] = strawberry.field(description="The sums of rows and columns.")
    moved: int = strawberry.field(description="Customers whose tier differs.")
    customers: int = strawberry.field(description="All customers counted.")


def tier_policy(row: Record, context: Context) -> TierPolicy:
    return TierPolicy(
        id=global_id("TierPolicy", row.id),
        key=row.key,
        version=row.version,
        active=row.active,
        created_at=row.created_at,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        author=row.author,
        activated_by=row.activated_by,
        activated_at=row.activated_at,
        reason=row.reason,
        restores_version=row.restores_version,
        document=row.document,
        content=row.document,
        row=row,
        context=context,
    )


def migration(cells: Iterable[tuple[str | None, str | None, int]]) -> TierMigration:
    """The matrix with its sums; customers without a tier stand last."""
    ordered = sorted(cells, key=lambda cell: (cell[0] is None, cell[0] or "", cell[1] or "~"))
    before: Counter[str | None] = Counter()
    after: Counter[str | None] = Counter()
    for start, end, number in ordered:
        before[start] += number
        after[end] += number
    tiers = sorted({*before, *after}, key=lambda key: (key is None, key or ""))
    return TierMigration(
        moves=[TierMove(from_tier=a, to_tier=b, customers=number) for a, b, number in ordered],
        counts=[TierCount(tier=key, before=before[key], after=after[key]) for key in tiers],
        moved=sum(number for start, end, number in ordered if start != end),
        customers=sum(number for _, _, number in ordered),
    )


def _tiers(policies: Sequence[Record], context: Context) -> list[Tier]:
    active = next((row for row in policies if row.active), None)
    return [
        Tier(key=tier["key"], rank=tier["rank"], document=tier, context=context)
        for tier in (active.document["tiers"] if active is not None else ())
    ]


DayBefore = Annotated[dt.date, strawberry.argument(name="from", description="The earlier day.")]
DayAfter = Annotated[dt.date, strawberry.argument(name="to", description="The later day.")]


@strawberry.type
class TierQueries:
    @field("Tiers of the active policy, best first.", needs=OWN_RULES)
    async def tiers(self, info: Info) -> list[Tier] | None:
        return _tiers(await info.context.loaders.policies.all(), info.context)

    @field("Every version of every tier policy.", needs=CATALOGUE)
    async def tier_policies(self, info: Info) -> list[TierPolicy] | None:
        context = info.context
        return [tier_policy(row, context) for row in await context.loaders.policies.all()]

    @field(
        "Who had which tier at the end of one day, and which at the end of another.",
        needs=OWN_STATISTICS,
        name="tierMigration",
    )
    async def migration_between(
        self, info: Info, start: DayBefore, end: DayAfter
    ) -> TierMigration | None:
        if start > end:
            raise InvalidInput("tierMigration: `from` is after `to`.")
        return migration(await tier_migration(info.context.snapshot, start, end))
