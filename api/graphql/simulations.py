"""What another policy would do to everybody's tier, before it counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from api.domain.tiers import parse_policy
from api.graphql.access import CUSTOMERS, PERSONAL, STATISTICS
from api.graphql.context import Context, Info
from api.graphql.described import field
from api.graphql.language import LanguageChoice
from api.graphql.policies import TierCount
from api.graphql.sensitivity import require_fields
from api.graphql.strategies import bilingual

Json = Mapping[str, Any]


@strawberry.type(description="Customers and what they come to.", directives=[STATISTICS])
class CustomerSums:
    customers: int = strawberry.field(description="How many.")
    sums: strawberry.Private[Json]
    context: strawberry.Private[Context]

    @field("Their net spend in the last 365 days.")
    def revenue(self) -> Decimal | None:
        return self._exact("revenueMinor")

    @field("Their margin in the last 365 days; none where no costs are known.")
    def margin(self) -> Decimal | None:
        return self._exact("marginMinor")

    @field("What they are predicted to bring; none where nobody has a prediction.")
    def clv(self) -> float | None:
        minor = self.sums["clvMinor"]
        return None if minor is None else self.context.major(minor)

    @field("What serving them cost in the last 365 days.")
    def service_cost(self) -> Decimal | None:
        return self._exact("serviceCostMinor")

    def _exact(self, name: str) -> Decimal | None:
        minor = self.sums[name]
        return None if minor is None else self.context.exact(minor)


@strawberry.type(
    description="Customers who would go from one tier to another, or stay.", directives=[STATISTICS]
)
class SimulatedMove(CustomerSums):
    from_tier: str | None = strawberry.field(description="The present tier; none: has none.")
    to_tier: str | None = strawberry.field(description="The tier then; none: below the lowest.")


@strawberry.type(description="What a tier comes to now and then.", directives=[STATISTICS])
class SimulatedTier:
    tier: str | None = strawberry.field(description="The tier; none: below the lowest.")
    before: CustomerSums = strawberry.field(description="Who has it now.")
    after: CustomerSums = strawberry.field(description="Who would have it.")


@strawberry.type(description="A customer near a cut.", directives=[CUSTOMERS])
class NearCut:
    external_id: str = strawberry.field(description="The business's own customer number.")
    distance: float = strawberry.field(description="How near, as a share of the threshold.")


@strawberry.type(
    description="Whom a small change of a tier's conditions would move.", directives=[STATISTICS]
)
class TierEdge:
    tier: str = strawberry.field(description="The tier.")
    above: list[NearCut] = strawberry.field(description="Who would hardly be in, nearest first.")
    below: list[NearCut] = strawberry.field(description="Who would nearly be in, nearest first.")


@strawberry.type(description="How restless tiers are, month by month.", directives=[STATISTICS])
class Flapping:
    flaps: int = strawberry.field(
        description="Tiers that were left and entered again within three months."
    )
    changes: int = strawberry.field(description="All changes of tier.")
    customer_months: int = strawberry.field(description="Customers times months looked at.")
    flap_rate: float = strawberry.field(description="Flaps by customer and month.")
    change_rate: float = strawberry.field(description="Changes by customer and month.")


@strawberry.type(
    description="Past month ends, replayed with today's models on a sample of customers.",
    directives=[STATISTICS],
)
class PolicyReplay:
    months: int = strawberry.field(description="How many month ends.")
    customers: int = strawberry.field(description="How many customers are in the sample.")
    new: Flapping = strawberry.field(description="Under the policy that is tried.")
    naive: Flapping = strawberry.field(description="Under it, without bands, stay and grace.")
    present: Flapping = strawberry.field(description="Under the policy in force.")


@strawberry.type(
    description="A group of customers by a sensitive attribute.", directives=[STATISTICS]
)
class GroupDisparity:
    group: str | None = strawberry.field(description="The attribute's value; none: not known.")
    customers: int = strawberry.field(description="How many.")
    share_before: float = strawberry.field(description="Share of them in the best tiers now.")
    share_after: float = strawberry.field(description="Share of them in the best tiers then.")
    ratio_before: float | None = strawberry.field(
        description="The share now against the best-off group's."
    )
    ratio_after: float | None = strawberry.field(
        description="The share then against the best-off group's."
    )
    flagged: bool = strawberry.field(
        description="Whether the ratio then is below four fifths, in a group of 30 or more."
    )


@strawberry.type(description="How groups by one sensitive attribute fare.", directives=[STATISTICS])
class AttributeDisparity:
    attribute: str = strawberry.field(description="Name of the attribute.")
    groups: list[GroupDisparity] = strawberry.field(description="Its groups, largest first.")
    names: strawberry.Private[Json]
    context: strawberry.Private[Context]

    @field("The attribute's name for people.")
    def label(self, language: LanguageChoice = None) -> str:
        return bilingual(self.names, language, self.context)


@strawberry.type(
    description="What a policy would do to everybody's tier; nothing is changed.",
    directives=[STATISTICS],
)
class TierSimulation:
    as_of: dt.date = strawberry.field(description="The day whose facts decide.")
    customers: int = strawberry.field(description="All customers counted.")
    moved: int = strawberry.field(description="Customers whose tier would differ.")
    moved_sums: CustomerSums = strawberry.field(description="What they come to.")
    promoted: CustomerSums = strawberry.field(description="Who would move up.")
    demoted: CustomerSums = strawberry.field(description="Who would move down.")
    moves: list[SimulatedMove] = strawberry.field(description="Cells that are not empty.")
    counts: list[TierCount] = strawberry.field(description="The sums of rows and columns.")
    tiers: list[SimulatedTier] = strawberry.field(description="Each tier now and then.")
    edges: list[TierEdge] = strawberry.field(description="Customers near the cuts, by tier.")
    replay: PolicyReplay | None = strawberry.field(
        description="How restless tiers would have been; none before a past month is known."
    )
    best_tiers: list[str] = strawberry.field(description="The tiers that disparity looks at.")
    found: strawberry.Private[Json]
    context: strawberry.Private[Context]

    @field("Groups by sensitive attribute: who gets the best tiers.", needs=PERSONAL)
    def disparity(self) -> list[AttributeDisparity] | None:
        return [
            AttributeDisparity(
                attribute=each["attribute"],
                groups=[GroupDisparity(**_snake(group)) for group in each["groups"]],
                names=each["label"],
                context=self.context,
            )
            for each in self.found["disparity"]
        ]


NAMES = {
    "shareBefore": "share_before",
    "shareAfter": "share_after",
    "ratioBefore": "ratio_before",
    "ratioAfter": "ratio_after",
    "customerMonths": "customer_months",
    "flapRate": "flap_rate",
    "changeRate": "change_rate",
}


def _snake(found: Json) -> dict[str, Any]:
    return {NAMES.get(name, name): value for name, value in found.items()}


def simulation(found: Json, context: Context) -> TierSimulation:
    def sums(part: Json) -> CustomerSums:
        return CustomerSums(customers=part["customers"], sums=part, context=context)

    flapping = found["flapping"]
    return TierSimulation(
        as_of=dt.date.fromisoformat(found["asOf"]),
        customers=found["customers"],
        moved=found["moved"]["customers"],
        moved_sums=sums(found["moved"]),
        promoted=sums(found["promoted"]),
        demoted=sums(found["demoted"]),
        moves=[
            SimulatedMove(
                customers=each["customers"],
                from_tier=each["fromTier"],
                to_tier=each["toTier"],
                sums=each,
                context=context,
            )
            for each in found["moves"]
        ],
        counts=[
            TierCount(
                tier=each["tier"],
                before=each["before"]["customers"],
                after=each["after"]["customers"],
            )
            for each in found["tiers"]
        ],
        tiers=[
            SimulatedTier(tier=each["tier"], before=sums(each["before"]), after=sums(each["after"]))
            for each in found["tiers"]
        ],
        edges=[_edge(each) for each in found["edges"]],
        replay=None if flapping is None else _replay(flapping),
        best_tiers=found["bestTiers"],
        found=found,
        context=context,
    )


def _edge(found: Json) -> TierEdge:
    above, below = (
        [NearCut(external_id=each["customer"], distance=each["distance"]) for each in found[side]]
        for side in ("above", "below")
    )
    return TierEdge(tier=found["tier"], above=above, below=below)


def _replay(found: Json) -> PolicyReplay:
    judged = {name: Flapping(**_snake(found[name])) for name in ("new", "naive", "present")}
    return PolicyReplay(months=found["months"], customers=found["customers"], **judged)


@strawberry.type
class SimulationQueries:
    @field("What the tiers would be under another policy; changes nothing.", needs=STATISTICS)
    async def simulate_tier_policy(
        self,
        info: Info,
        policy: Annotated[JSON, strawberry.argument(description="The policy as a document.")],
    ) -> TierSimulation | None:
        context = info.context
        # A policy that is none is refused here, before a process is started for it.
        parsed = parse_policy(policy, context.exponent, context.business.fields)
        require_fields(parsed.document.fields.values(), context, "policy")
        found = await context.simulator.simulate(
            policy, now=context.now, sensitive=context.caller.may("pii:read")
        )
        return simulation(found, context)
