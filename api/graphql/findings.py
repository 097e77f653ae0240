"""What mining found about a customer: products to offer, channels, a group, what would help."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.scalars import JSON

from api.db.findings import Found
from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS, OWN_RULES, RULES
from api.graphql.context import Context, Info
from api.graphql.described import field, loaded
from api.graphql.language import Language, LanguageChoice
from ml.features import Language as TextLanguage
from ml.mining.texts import actions_text, mining_text


def _language(chosen: LanguageChoice, context: Context) -> TextLanguage:
    return "en" if (chosen or context.language) is Language.EN else "zh"


@strawberry.type(
    description="What speaks for something found: a stable code, its numbers, a text.",
    directives=[CUSTOMERS],
)
class Evidence:
    code: str = strawberry.field(description="Stable name of this kind of evidence.")
    params: JSON = strawberry.field(description="The numbers behind it.")
    context: strawberry.Private[Context]

    @field("The evidence as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        params: Any = self.params
        return mining_text(self.code, params, _language(language, self.context))


@strawberry.type(description="A product to offer to a customer.", directives=[CUSTOMERS])
class RecommendedProduct:
    rank: int = strawberry.field(description="1 is the best.")
    product: str = strawberry.field(description="The business's own product number.")
    name: str | None = strawberry.field(description="Its name.")
    department: str | None = strawberry.field(description="Where it is sold.")
    probability: float = strawberry.field(
        description="Of a purchase within the next 28 days; for a stranger, the share of recent "
        "customers who bought it."
    )
    reason: Evidence = strawberry.field(description="Why it is offered.")


@strawberry.type(description="A channel to reach a customer by.", directives=[CUSTOMERS])
class PreferredChannel:
    rank: int = strawberry.field(description="1 is the best.")
    channel: str = strawberry.field(description="Store, web, app, phone, mail ...")
    score: float = strawberry.field(description="A share: over all channels it adds up to 1.")
    evidence: Evidence = strawberry.field(description="What says so.")


@strawberry.type(
    description="Something that would lower a customer's risk, by the model itself.",
    directives=[CUSTOMERS],
)
class ChurnHint:
    actions: list[str] = strawberry.field(description="Stable names of what to do.")
    probability_before: float = strawberry.field(description="Of churn, as things are.")
    probability_after: float = strawberry.field(description="Of churn, once that is done.")
    context: strawberry.Private[Context]

    @field("What to do, as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        return actions_text(tuple(self.actions), _language(language, self.context))


async def _sizes(group: CustomerGroup) -> None:
    if group.context.caller.owner is not None:
        await group.context.loaders.group_sizes.all()


@strawberry.type(
    description="Customers alike in many aspects; found, not defined.", directives=[RULES]
)
class CustomerGroup:
    key: str = strawberry.field(description="Stable short name, kept from run to run.")
    as_of: dt.date = strawberry.field(description="The last day that was looked at.")
    names: strawberry.Private[Mapping[str, Any]]
    context: strawberry.Private[Context]

    @loaded("How many are in it, of those the caller may see.", _sizes)
    def customers(self) -> int:
        if self.context.caller.owner is None:
            return int(self.names["customers"])
        return self.context.loaders.group_sizes.known().get(self.key, 0)

    @field("What sets it apart, in words.")
    def name(self, language: LanguageChoice = None) -> str:
        return str(self.names[_language(language, self.context)])


def recommended_products(found: Found | None, context: Context) -> list[RecommendedProduct]:
    return [
        RecommendedProduct(
            rank=rank,
            product=product.external_id,
            name=product.name,
            department=product.department,
            probability=each["probability"],
            reason=_reason(each, found.products, context),
        )
        for rank, each in enumerate(found.row.products if found else (), start=1)
        if found and (product := found.products.get(each["product_id"]))
    ]


def _reason(each: Mapping[str, Any], products: Mapping[int, Record], context: Context) -> Evidence:
    """Our own number of a product becomes its name."""
    params = dict(each["params"])
    if "product_id" in params:
        because = products[params.pop("product_id")]
        params["product"] = because.name or because.external_id
    return Evidence(code=each["code"], params=JSON(params), context=context)


def preferred_channels(found: Found | None, context: Context) -> list[PreferredChannel]:
    return [
        PreferredChannel(
            rank=rank,
            channel=each["channel"],
            score=each["score"],
            evidence=Evidence(code=each["code"], params=JSON(each["params"]), context=context),
        )
        for rank, each in enumerate(found.row.channels if found else (), start=1)
    ]


def churn_hints(found: Found | None, context: Context) -> list[ChurnHint]:
    return [
        ChurnHint(
            actions=each["actions"],
            probability_before=each["before"],
            probability_after=each["after"],
            context=context,
        )
        for each in (found.row.hints if found else ())
    ]


def group_of(found: Found | None, run: Record | None, context: Context) -> CustomerGroup | None:
    """None for who is in none, or has bought nothing for a year."""
    if found is None or run is None:
        return None
    return {each.key: each for each in groups_in(run, context)}.get(found.row.group_key)


def groups_in(run: Record | None, context: Context) -> list[CustomerGroup]:
    named = run.groups.get("names", {}) if run else {}
    return [
        CustomerGroup(key=key, as_of=run.as_of, names=names, context=context)
        for key, names in sorted(named.items())
        if run
    ]


@strawberry.type
class FindingQueries:
    @field("Groups of customers alike, as mining found them last.", needs=OWN_RULES)
    async def customer_groups(self, info: Info) -> list[CustomerGroup] | None:
        context = info.context
        return groups_in(await context.loaders.mining_run.all(), context)
