"""Nested fields of decisions cost the same statements for one customer and for fifty."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api, reads

FIELDS = {
    "classes": "classes { all { key value reasons { text } history { current } } }",
    "needs": "needs { key evidence { text } strategies { key } }",
    "withheld": "withheldStrategies { code text strategy { key } }",
    "actions": "strategyActions { status strategy { key } note }",
    "cases": "cases { kind strategy { key } note externalId }",
    "overrides": "overrides { value reason }",
    "stays": "segmentHistory(first: 3) { totalCount edges { node { segment } } }",
    "tier": "tier { name gapToNextTier { tier } override { reason } run { asOf } }",
}


@pytest.mark.parametrize("name", FIELDS)
async def test_they_do_not_grow_with_customers(api: Api, name: str) -> None:
    counts = []
    for first in (1, 50):
        query = f"{{ customers(first: {first}) {{ edges {{ node {{ {FIELDS[name]} }} }} }} }}"
        await api.ask(query)
        async with api.statements() as sent:
            await api.ask(query)
        counts.append(len(reads(sent)))
    assert counts[1] <= counts[0] + 1, counts
    assert counts[1] <= 10


async def test_texts_of_people_do_not_run_on_the_policy_page(own_api: Api) -> None:
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    read = "{ tierPolicies { key version active document } }"
    active = next(each for each in (await own_api.ask(read))["tierPolicies"] if each["active"])
    document = active["document"] | {"name": {"en": bad, "zh": bad}}
    document["description"] = {"en": bad, "zh": bad}
    stored = await own_api.ask(
        "mutation ($d: JSON!, $v: Int) { createTierPolicy(policy: $d, expectedVersion: $v) "
        "{ policy { key version } userErrors { message } } }",
        variables={"d": document, "v": active["version"]},
    )
    version = stored["createTierPolicy"]["policy"]["version"]
    page = (
        await own_api.ask(
            "query ($k: String, $v: Int) { policyDocument(key: $k, version: $v) { html title } }",
            variables={"k": active["key"], "v": version},
        )
    )["policyDocument"]
    assert "&lt;script&gt;" in page["html"]
    assert "<script" not in page["html"]
    assert "<img" not in page["html"]
    shell = await own_api.client.get("/policy")
    policy = shell.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
