"""Age, income and the like are personal: they need the scope pii:read like names do."""

from __future__ import annotations

from sqlalchemy import Engine, select

from api.db.models import AttributeDefinition, Installation
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


SENSITIVITY = """mutation ($name: String!, $sensitive: Boolean!) {
    setAttributeSensitivity(name: $name, sensitive: $sensitive) {
        attribute userErrors { code field message } } }"""


def epoch(engine: Engine) -> int:
    with engine.connect() as connection:
        found: int = connection.execute(select(Installation.facts_epoch)).scalar_one()
        return found


async def test_what_becomes_sensitive_is_hidden_and_facts_are_read_anew(
    own_api: Api, engine: Engine
) -> None:
    with engine.connect() as connection:
        name = connection.execute(
            select(AttributeDefinition.name).where(~AttributeDefinition.sensitive)
        ).scalars().first()  # fmt: skip
    before = epoch(engine)
    names = "{ customers(first: 30) { edges { node { attributes { name } } } } }"
    for sensitive, seen in ((True, False), (True, False), (False, True)):
        variables = {"name": name, "sensitive": sensitive}
        answer = await own_api.ask(SENSITIVITY, "admin", variables=variables)
        assert answer["setAttributeSensitivity"] == {"attribute": name, "userErrors": []}
        assert (f'"{name}"' in (await own_api.send(names, "frontend")).text) is seen
    assert epoch(engine) == before + 2


async def test_only_an_administrator_changes_what_is_sensitive(
    own_api: Api, engine: Engine
) -> None:
    before = epoch(engine)
    variables = {"name": "nobody_has_this", "sensitive": False}
    for key in ("care", "policies", "support"):
        assert await own_api.codes(SENSITIVITY, key, variables=variables) == ["FORBIDDEN"]
    answer = await own_api.ask(SENSITIVITY, "admin", variables=variables)
    [error] = answer["setAttributeSensitivity"]["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", ["name"])
    assert epoch(engine) == before
