"""Messages of strategies with what is known of their reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.domain.strategies.content import merge_fields, render_message
from api.domain.texts import shown_percent
from api.graphql.context import Context
from api.graphql.language import Language, in_script, written


async def message_for(
    customer: int, document: Mapping[str, Any], language: Language, context: Context
) -> str | None:
    """The message in the reader's words; none where something it says is not known.

    A name is personal data: without `pii:read` a message that says it is not written at all.
    """
    content = document.get("content")
    if content is None:
        return None
    # Its own words only: a name of a person or a product is written as its owner writes it.
    text = in_script(content[written(language)[:2]], language)
    asked = merge_fields(text)
    if "name" in asked and not context.caller.may("pii:read"):
        return None
    values = {name: await _value(name, customer, document, language, context) for name in asked}
    return render_message(text, values)


async def _value(
    name: str, customer: int, document: Mapping[str, Any], language: Language, context: Context
) -> str | None:
    match name:
        case "name":
            return await _name(customer, context)
        case "days_since_purchase":
            profile = await context.loaders.profile.load(customer)
            return (
                None
                if profile is None or profile.recency_days is None
                else (f"{profile.recency_days:.0f}")
            )
        case "favourite_department":
            return await context.loaders.favourite_department.load(customer)
        case "recommended_product":
            return await _product(customer, context)
        case "tier":
            return await _tier(customer, language, context)
        case "discount":
            discount = document.get("offer", {}).get("discount")
            return None if not discount else shown_percent(discount)
    offer = document.get("offer")
    return None if offer is None else _in(offer["name"], language)


async def _name(customer: int, context: Context) -> str | None:
    row = await context.loaders.customer.load(customer)
    if row is None or row.name_encrypted is None:
        return None
    context.personal.note("message: name", (customer,))
    return context.cipher.decrypt("name", row.external_id, bytes(row.name_encrypted))


async def _product(customer: int, context: Context) -> str | None:
    found = await context.loaders.findings.load(customer)
    for each in found.row.products if found is not None else ():
        product = found.products.get(each["product_id"]) if found is not None else None
        if product is not None:
            return str(product.name or product.department or product.external_id)
    return None


async def _tier(customer: int, language: Language, context: Context) -> str | None:
    row = await context.loaders.tier.load(customer)
    if row is None:
        return None
    policies = await context.loaders.policies.all()
    policy = next((each for each in policies if each.id == row.policy_version_id), None)
    tiers = policy.document["tiers"] if policy is not None else ()
    names = {tier["key"]: _in(tier["name"], language) for tier in tiers}
    return names.get(row.tier_key)


def _in(names: Mapping[str, str], language: Language) -> str:
    return str(in_script(names[written(language)[:2]], language))
