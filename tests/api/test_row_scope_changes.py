"""Whoever sees their own customers only changes theirs; those of others are nobody's."""

from __future__ import annotations

import pytest

from api.graphql.access import Rows, rows_of
from api.graphql.ids import global_id
from tests.api import row_pair
from tests.api.row_pair import ABSENT, FOREIGN, MINE, SCHEMA, Pair, told
from tests.api.seed_facts import external_id

urls, pair = row_pair.urls, row_pair.pair
MUTATIONS = {
    "setTierOverride": '(input: {externalId: "%s", tier: "gold", reason: "x", '
    'expiresOn: "2026-12-01"})',
    "endTierOverride": '(externalId: "%s")',
    "setClassOverride": '(input: {externalId: "%s", classification: "value_class", value: "low", '
    'reason: "x", expiresOn: "2026-12-01"})',
    "endClassOverride": '(externalId: "%s", classification: "value_class")',
    "setRelationshipStatus": '(input: {externalId: "%s", status: "key"})',
    "recordStrategyAction": '(input: {externalId: "%s", strategy: "retention_call", '
    "status: PLANNED})",
    "openCase": '(input: {externalId: "%s", kind: RETENTION, strategy: "retention_call"})',
    "addSegmentMembers": '(input: {key: "own_people", externalIds: ["%s"], reason: "x"})',
    "removeSegmentMembers": '(input: {key: "own_people", externalIds: ["%s"], reason: "x"})',
}
MUTATIONS |= {
    "updateCustomer": '(input: {externalId: "%s", expectedVersion: 1, region: "x"})',
    "recordConsent": '(input: {externalId: "%s", purpose: "marketing", channel: "email", '
    "granted: false})",
}
BY_ID = {"closeCase": '(input: {id: "%s", cause: OTHER, outcome: LEFT, expectedVersion: 1})'}
NAME_NOBODY = frozenset({"createCustomer"})


def test_every_mutation_of_own_customers_is_tried() -> None:
    assert SCHEMA.mutation_type is not None
    own = {
        name for name, field in SCHEMA.mutation_type.fields.items() if rows_of(field) is Rows.OWN
    }
    assert own == MUTATIONS.keys() | BY_ID.keys() | NAME_NOBODY


@pytest.mark.parametrize("name", sorted(MUTATIONS.keys() | BY_ID.keys()))
async def test_a_change_of_a_foreign_customer_is_one_of_nobody(pair: Pair, name: str) -> None:
    ask = f"mutation {{ {name}%s {{ userErrors {{ code field message }} }} }}"

    def named(number: int) -> str:
        if name in BY_ID:
            return ask % (BY_ID[name] % global_id("CustomerCase", number))
        return ask % (MUTATIONS[name] % external_id(number))

    foreign = await told(pair.all, named(FOREIGN), "desk")
    absent = await told(pair.all, named(ABSENT), "desk")
    assert foreign == absent
    assert [each["code"] for each in foreign["data"][name]["userErrors"]] == ["NOT_FOUND"]
    mine = await told(pair.all, named(MINE), "desk")
    assert "NOT_FOUND" not in [e["code"] for e in mine["data"][name]["userErrors"]] or (
        name.startswith("end")
    )


async def test_other_mutations_are_refused(pair: Pair) -> None:
    assert SCHEMA.mutation_type is not None
    refused = {
        name for name, field in SCHEMA.mutation_type.fields.items() if rows_of(field) is Rows.NONE
    }
    assert {"createTierPolicy", "saveStrategy", "createSegment"} <= refused
    document = 'mutation { chooseStrategyVariant(variant: "convert") { userErrors { code } } }'
    assert await pair.all.codes(document, "desk") == ["FORBIDDEN"]
