"""Changes of policies that come at once, or with documents meant to break something."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.api.conftest import Api
from tests.api.test_policies import CREATE, change, policy, stored


async def test_of_two_who_change_at_once_only_one_does(own_api: Api, engine: Engine) -> None:
    answers = await asyncio.gather(
        *(
            change(own_api, CREATE, policy=policy(f"Number {number}"), expected=1)
            for number in range(4)
        )
    )
    made = [each for each in answers if each["policy"] is not None]
    assert [each["policy"]["version"] for each in made] == [2]
    assert [e["code"] for each in answers for e in each["userErrors"]] == ["CONFLICT"] * 3
    assert len(stored(engine)) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"description": {"en": "a\x00b", "zh": "x"}},
        {"description": {"en": "lone \ud800", "zh": "x"}},
        {"name": {"en": "x" * 101, "zh": "x"}},
        {"tiers": [{}] * 21},
        {"tiers": [{"key": "a", "rank": 1e300}]},
        {"kind": ["rules"]},
        {"stability": {"exit_margin": 1}},
    ],
    ids=["nul", "surrogate", "long", "many", "huge", "list", "margin"],
)
async def test_hostile_documents_do_no_harm(
    own_api: Api, engine: Engine, changed: dict[str, Any]
) -> None:
    before = stored(engine)
    body = json.dumps({"query": CREATE, "variables": {"policy": policy(**changed), "expected": 1}})
    headers = {
        "Authorization": f"Bearer {own_api.keys['policies']}",
        "Content-Type": "application/json",
    }
    answer = await own_api.client.post("/graphql", content=body, headers=headers)
    assert answer.status_code < 500
    assert "INTERNAL" not in answer.text
    assert '"policy":{' not in answer.text
    assert stored(engine) == before
