"""Age, income and the like are personal: they need the scope pii:read like names do."""

from __future__ import annotations

from tests.api.conftest import Api

DOCUMENT = '{ customer(externalId: "C00001") { attributes { name } } }'
FILTERED = """
{ customers(first: 1, filter: {attribute: {name: "income", text: {eq: "high"}}}) { totalCount } }
"""


async def names(api: Api, key: str) -> set[str]:
    attributes = (await api.ask(DOCUMENT, key))["customer"]["attributes"]
    return {attribute["name"] for attribute in attributes}


async def test_they_are_shown_with_the_scope_only(api: Api) -> None:
    assert await names(api, "frontend") == {"household_size", "owner"}
    assert await names(api, "support") == {"household_size", "income", "owner"}


async def test_they_are_filtered_by_with_the_scope_only(api: Api) -> None:
    refused = (await api.send(FILTERED, "frontend")).json()
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await api.ask(FILTERED, "support"))["customers"]["totalCount"] > 0
