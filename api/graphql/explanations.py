"""Why a customer had a tier on a day: replayed, in words, with what would change it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from api.db.decisions import policy_ids, run_ids, stored_decision
from api.db.snapshots import Record
from api.domain.texts import Language as SpokenLanguage
from api.domain.texts.explanations import Words
from api.domain.texts.policy_names import policy_names
from api.domain.tiers.explanations import ActionEffect, Explanation
from api.domain.tiers.statements import statement
from api.domain.tiers.what_if import Change
from api.errors import NotFound
from api.graphql.access import CUSTOMERS, OWN_CUSTOMERS
from api.graphql.context import Context, Info
from api.graphql.described import field
from api.graphql.language import LanguageChoice, written
from api.graphql.reasons import Reason, reasons
from api.graphql.sensitivity import hides
from api.graphql.tiers import TierGap, TierMargin, TierRun, tier_gap, tier_margin
from ml.mining.texts import actions_text


def _actions(actions: tuple[str, ...], language: SpokenLanguage) -> str:
    return actions_text(actions, "en" if language == "en" else "zh")


def _words(explanation: Explanation, language: LanguageChoice, context: Context) -> Words:
    spoken = written(language or context.language)
    return Words(explanation, spoken, context.currency, _actions)


@strawberry.type(
    description="Something the policy could read about the customer, as it was.",
    directives=[CUSTOMERS],
)
class UsedMeasure:
    name: str = strawberry.field(description="The field's name in documents.")
    value: JSON | None = strawberry.field(
        description="The value that decided; money in minor units, none: not known."
    )
    place: strawberry.Private[int]
    explanation: strawberry.Private[Explanation]
    context: strawberry.Private[Context]

    @field("The measure and its value in words.")
    def text(self, language: LanguageChoice = None) -> str:
        return _words(self.explanation, language, self.context).measures()[self.place]


@strawberry.type(
    description="The least that one measure must become, by itself, for a better tier; verified "
    "by deciding again.",
    directives=[CUSTOMERS],
)
class TierChange:
    name: str = strawberry.field(description="The field's name in documents.")
    current: float | None = strawberry.field(description="Its value; money in minor units.")
    needed: float = strawberry.field(description="What it must become; money in minor units.")
    tier: str = strawberry.field(description="The tier then.")
    change: strawberry.Private[Change]
    explanation: strawberry.Private[Explanation]
    context: strawberry.Private[Context]

    @field("The change as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        return _words(self.explanation, language, self.context).change(self.change)


@strawberry.type(
    description="What an action would do: the risk by the model itself, as mining stored it, and "
    "the tier by deciding again.",
    directives=[CUSTOMERS],
)
class TierAction:
    actions: list[str] = strawberry.field(description="Stable names of what to do.")
    probability_before: float = strawberry.field(description="Of churn, as things are.")
    probability_after: float = strawberry.field(description="Of churn, once that is done.")
    tier: str | None = strawberry.field(description="The tier then; none: below the lowest.")
    effect: strawberry.Private[ActionEffect]
    explanation: strawberry.Private[Explanation]
    context: strawberry.Private[Context]

    @field("The effect as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        return _words(self.explanation, language, self.context).effect(self.effect)


@strawberry.type(description="What would move a customer's tier or risk.", directives=[CUSTOMERS])
class WhatIf:
    changes: list[TierChange] = strawberry.field(
        description="Of measures that a business can act on, each by itself."
    )
    actions: list[TierAction] = strawberry.field(
        description="What mining found; for those at risk."
    )


@strawberry.type(description="Whether a decision follows from its record.", directives=[CUSTOMERS])
class TierReplay:
    equal: bool = strawberry.field(description="Whether it does.")
    tier: str | None = strawberry.field(description="What deciding again gave.")
    flaws: list[str] = strawberry.field(description="What speaks against the record.")


@strawberry.type(
    description="A tier kept though its conditions are missed.", directives=[CUSTOMERS]
)
class TierHold:
    since: dt.date = strawberry.field(description="Since when.")
    until: dt.date = strawberry.field(description="The first day on which it may be lost.")


@strawberry.type(description="A tier set by hand.", directives=[CUSTOMERS])
class TierByHand:
    tier: str = strawberry.field(description="The tier.")
    reason: str = strawberry.field(description="Why, in the words of who set it.")
    author: str = strawberry.field(description="Name of the key that set it.")
    expires_on: dt.date = strawberry.field(description="The last day it counts.")


@strawberry.type(
    description="A tier decision with everything that led to it.", directives=[CUSTOMERS]
)
class TierDecision:
    tier: str | None = strawberry.field(description="Key of the tier; none: below the lowest.")
    as_of: dt.date = strawberry.field(description="The day that was asked about.")
    since: dt.date = strawberry.field(description="First day in this tier.")
    until: dt.date | None = strawberry.field(description="The day it ended; none while it lasts.")
    reasons: list[Reason] = strawberry.field(description="Why, contributions to scores included.")
    gap_to_next_tier: TierGap | None = strawberry.field(
        description="What was missing for the next better tier."
    )
    margin_to_lower: TierMargin | None = strawberry.field(description="What kept the tier.")
    hold: TierHold | None = strawberry.field(
        description="A watch or a minimum stay that kept the tier; none: the measures did."
    )
    override: TierByHand | None = strawberry.field(description="Who set it by hand, if somebody.")
    policy: str = strawberry.field(description="Key of the policy that decided.")
    version: int = strawberry.field(description="That policy's version.")
    run: TierRun = strawberry.field(description="The refresh that decided.")
    explanation: strawberry.Private[Explanation]
    context: strawberry.Private[Context]

    @field("Name of the tier for people.")
    def name(self, language: LanguageChoice = None) -> str:
        return _words(self.explanation, language, self.context).tier(self.tier)

    @field("Name of the policy for people.")
    def policy_name(self, language: LanguageChoice = None) -> str:
        words = _words(self.explanation, language, self.context)
        return self.explanation.policy.document.name.text(words.language)

    @field(
        "Everything the policy could read about the customer, as it was; what is sensitive with "
        "pii:read only."
    )
    def measures(self) -> list[UsedMeasure]:
        return [
            UsedMeasure(
                name=measure.name,
                value=value,
                place=place,
                explanation=self.explanation,
                context=self.context,
            )
            for place, (measure, value) in enumerate(self.explanation.measures)
            if not hides(measure.name, self.context)
        ]

    @field("Decide again from the stored inputs, and compare.")
    def replay(self) -> TierReplay | None:
        flaws = list(self.explanation.flaws)
        return TierReplay(equal=not flaws, tier=self.explanation.replayed, flaws=flaws)

    @field("What would move the tier or the risk.")
    async def what_if(self) -> WhatIf | None:
        return await asyncio.to_thread(_what_if, self.explanation, self.context)

    @field(
        "For the customer: which tier, why, from what data, and how to object; none where "
        "sensitive data decided and the key lacks pii:read."
    )
    def statement(self, language: LanguageChoice = None) -> str | None:
        if any(hides(measure.name, self.context) for measure, _ in self.explanation.measures):
            return None
        return statement(_words(self.explanation, language, self.context))


def _what_if(explanation: Explanation, context: Context) -> WhatIf:
    return WhatIf(
        changes=[
            TierChange(
                name=each.field.name,
                current=each.current,
                needed=each.needed,
                tier=each.tier,
                change=each,
                explanation=explanation,
                context=context,
            )
            for each in explanation.changes
        ],
        actions=[
            TierAction(
                actions=list(each.hint.actions),
                probability_before=each.hint.before,
                probability_after=each.hint.after,
                tier=each.tier,
                effect=each,
                explanation=explanation,
                context=context,
            )
            for each in explanation.effects
        ],
    )


async def tier_decision_of(
    customer: int, as_of: dt.date | None, context: Context
) -> TierDecision | None:
    """The decision that held at the end of a day; without one, the present one."""
    loaders = context.loaders
    row = await loaders.tier_decision.load((customer, as_of))
    if row is None:
        return None
    wanted = run_ids(row)
    found = await loaders.run.load_many(wanted)
    runs = {number: run for number, run in zip(wanted, found, strict=True) if run is not None}
    policies = {each.id: each for each in await loaders.policies.all()}
    overrides = await loaders.overrides.load(customer) or ()
    needed = {number: policies[number] for number in policy_ids(row)}
    stored = stored_decision(row, as_of, runs, needed, overrides)
    explanation = Explanation(
        stored, as_of or stored.run.as_of, context.exponent, context.business.fields
    )
    return _decision(explanation, context)


def _decision(explanation: Explanation, context: Context) -> TierDecision:
    stored, run, held = explanation.stored, explanation.stored.run, explanation.held
    names = policy_names(stored.policy.document)
    return TierDecision(
        tier=stored.tier,
        as_of=explanation.as_of,
        since=stored.since,
        until=stored.until,
        reasons=reasons(stored.reasons, context, names),
        gap_to_next_tier=None if stored.gap is None else tier_gap(stored.gap, context, names),
        margin_to_lower=None
        if stored.margin is None
        else tier_margin(stored.margin, context, names),
        hold=None if held is None else _hold(held),
        override=None if stored.override is None else TierByHand(**vars(stored.override)),
        policy=stored.policy.key,
        version=stored.policy.version,
        run=TierRun(
            as_of=run.as_of, published_at=run.published_at, model_versions=list(run.models)
        ),
        explanation=explanation,
        context=context,
    )


def _hold(held: Mapping[str, str]) -> TierHold:
    return TierHold(
        since=dt.date.fromisoformat(held["since"]), until=dt.date.fromisoformat(held["until"])
    )


AsOf = Annotated[
    dt.date | None,
    strawberry.argument(description="The end of this day; if left out, the present decision."),
]


@strawberry.type
class ExplanationQueries:
    @field("Why a customer has or had a tier, replayed; none if undecided.", needs=OWN_CUSTOMERS)
    async def explain_tier(
        self,
        info: Info,
        external_id: Annotated[
            str, strawberry.argument(description="The business's own customer number.")
        ],
        as_of: AsOf = None,
    ) -> TierDecision | None:
        context = info.context
        row: Record | None = await context.loaders.customer_by_external_id.load(external_id)
        if row is None:
            raise NotFound("externalId: there is no customer with this number.")
        return await tier_decision_of(row.id, as_of, context)
