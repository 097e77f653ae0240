"""The tier a customer has or had, and what the next better one asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from api.db.snapshots import Record
from api.domain.texts import render_gap
from api.domain.texts.policy_names import NO_NAMES, PolicyNames, policy_names
from api.graphql.access import CUSTOMERS
from api.graphql.context import Context
from api.graphql.described import field, loaded
from api.graphql.language import LanguageChoice, written
from api.graphql.loaders import known
from api.graphql.overrides import Override, override
from api.graphql.reasons import Reason, known_fields, reasons
from api.graphql.sensitivity import hides
from api.graphql.strategies import bilingual


@strawberry.type(
    description="One condition of the next better tier that is not met.", directives=[CUSTOMERS]
)
class GapCondition:
    compared: str = strawberry.field(name="field", description="What is compared.")
    operator: str = strawberry.field(description="How: gte, lt, eq ...")
    current: JSON | None = strawberry.field(
        description="The customer's value; money in minor units of the base currency."
    )
    needed: JSON | None = strawberry.field(description="What would do; money in minor units.")
    context: strawberry.Private[Context]
    names: strawberry.Private[PolicyNames]

    @field("The condition as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        context = self.context
        return render_gap(
            {
                "field": self.compared,
                "op": self.operator,
                "current": self.current,
                "needed": self.needed,
            },
            written(language or context.language),
            context.currency,
            context.exponent,
            known_fields(context, self.names),
        )


@strawberry.type(
    description="What a customer lacks for the next better tier.", directives=[CUSTOMERS]
)
class TierGap:
    tier: str = strawberry.field(description="Key of that tier.")
    conditions: list[GapCondition] = strawberry.field(description="What is missing.")


BY_HAND = "tier.override"


def _overrides(each: CustomerTier) -> Awaitable[Any]:
    return each.context.loaders.overrides.load(each.row.customer_id)


def _decided(override: Record, row: Record) -> bool:
    """Whether an override is the one that gave this tier."""
    told = (each["params"] for each in _latest(row)["reasons"] if each["code"] == BY_HAND)
    until = next((each["until"] for each in told), None)
    same_tier = override.kind == "tier" and override.value == row.tier_key
    return bool(same_tier and override.expires_on.isoformat() == until)


@strawberry.type(description="What keeps a customer in a tier.", directives=[CUSTOMERS])
class TierMargin:
    tier: str | None = strawberry.field(
        description="Key of the tier that is next without it; none: below the lowest."
    )
    conditions: list[GapCondition] = strawberry.field(
        description="What is met: the customer's values, and from where on the tier is kept."
    )


@strawberry.type(description="The refresh that decided.", directives=[CUSTOMERS])
class TierRun:
    as_of: dt.date = strawberry.field(description="The day whose facts it looked at.")
    published_at: dt.datetime = strawberry.field(description="When it was published.")
    model_versions: list[str] = strawberry.field(description="The models it used, as name/version.")


@strawberry.type(
    description="A customer's stay in a tier, or below the lowest one.", directives=[CUSTOMERS]
)
class CustomerTier:
    tier: str | None = strawberry.field(
        description="Key of the tier; none: decided, and below the lowest."
    )
    since: dt.date = strawberry.field(description="First day in this tier.")
    until: dt.date | None = strawberry.field(description="The day it ended; none while it lasts.")
    watch_since: dt.date | None = strawberry.field(
        description="Since when its conditions are missed and it is kept for now; none: they are "
        "met."
    )
    watch_until: dt.date | None = strawberry.field(
        description="The first day on which a tier that is kept for now may be lost."
    )
    reasons: list[Reason] = strawberry.field(description="Why this tier, by the latest refresh.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]
    names: strawberry.Private[PolicyNames]

    @field("What is missing for the next better tier; none at the top.")
    def gap_to_next_tier(self) -> TierGap | None:
        gap = _latest(self.row)["gap_to_next"]
        return None if gap is None else tier_gap(gap, self.context, self.names)

    @field("What keeps the tier; none where nothing lower is to fall to.")
    def margin_to_lower(self) -> TierMargin | None:
        margin = _latest(self.row)["margin_to_lower"]
        return None if margin is None else tier_margin(margin, self.context, self.names)

    @loaded("Who set it by hand, if somebody did.", _overrides)
    def override(self) -> Override | None:
        rows = known(self.context.loaders.overrides, self.row.customer_id) or ()
        chosen = next((each for each in rows if _decided(each, self.row)), None)
        return None if chosen is None else override(chosen, self.context)

    @field("Name of the tier for people.")
    async def name(self, language: LanguageChoice = None) -> str | None:
        for tier in (await self._policy()).document["tiers"]:
            if tier["key"] == self.tier:
                return bilingual(tier["name"], language, self.context)
        return self.tier

    @field("Key of the policy that decided.")
    async def policy(self) -> str:
        return str((await self._policy()).key)

    @field("That policy's version.")
    async def version(self) -> int:
        return int((await self._policy()).version)

    @field("The refresh that decided.")
    async def run(self) -> TierRun | None:
        row = await self.context.loaders.run.load(int(_latest(self.row)["run_id"]))
        return None if row is None else tier_run(row)

    async def _policy(self) -> Record:
        return _policy_of(self.row, await self.context.loaders.policies.all())


def _latest(row: Record) -> Mapping[str, Any]:
    """The latest refresh's record: the one of the entry, unless another followed."""
    return dict(row._mapping) if row.now is None else cast("Mapping[str, Any]", row.now)


def _policy_of(row: Record, policies: Sequence[Record]) -> Record:
    decided_by = int(_latest(row)["policy_version_id"])
    return next(each for each in policies if each.id == decided_by)


def _speaks_of_its_policy(row: Record) -> bool:
    """Whether sentences about this tier take names that only the policy's document has."""
    record = _latest(row)
    params = [each["params"] for each in record["reasons"]]
    for part in (record["gap_to_next"], record["margin_to_lower"]):
        params += (part or {}).get("conditions", ())
    return any("tier" in each or each.get("field", "").startswith("score.") for each in params)


async def load_names(rows: Iterable[Record], context: Context) -> None:
    """Load what `customer_tier` takes names from, if it takes any."""
    if any(_speaks_of_its_policy(row) for row in rows):
        await context.loaders.policies.all()


def _conditions(
    part: Mapping[str, Any], context: Context, names: PolicyNames
) -> list[GapCondition]:
    return [
        GapCondition(
            compared=each["field"],
            operator=each["op"],
            current=each["current"],
            needed=each["needed"],
            context=context,
            names=names,
        )
        for each in part["conditions"]
        if not hides(each["field"], context)
    ]


def tier_gap(gap: Mapping[str, Any], context: Context, names: PolicyNames) -> TierGap:
    return TierGap(tier=gap["tier"], conditions=_conditions(gap, context, names))


def tier_margin(margin: Mapping[str, Any], context: Context, names: PolicyNames) -> TierMargin:
    return TierMargin(tier=margin["tier"], conditions=_conditions(margin, context, names))


def tier_run(row: Record) -> TierRun:
    return TierRun(
        as_of=row.as_of,
        published_at=row.published_at,
        model_versions=[f"churn/{row.churn}", f"clv/{row.clv}"],
    )


def customer_tier(row: Record, context: Context) -> CustomerTier:
    """A stay in a tier; `load_names` goes before."""
    names = NO_NAMES
    if _speaks_of_its_policy(row):
        names = policy_names(_policy_of(row, context.loaders.policies.known()).document)
    return CustomerTier(
        tier=row.tier_key,
        since=row.since,
        until=row.ended_on,
        watch_since=row.watch_since,
        watch_until=row.watch_until,
        reasons=reasons(_latest(row)["reasons"], context, names),
        row=row,
        context=context,
        names=names,
    )
