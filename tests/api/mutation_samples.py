"""A sound call of every mutation, so that what holds for all of them is tried on each.

A new mutation is not done before it has a sample here: tests compare these with the schema.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.documents import POLICIES, read_document
from tests.api.conftest import Api
from tests.api.samples import Sample, input_sample
from tests.api.seed_facts import external_id

TEXT = {"en": "text", "zh": "文字"}
WHO = external_id(3)
SHIPPED = {each["key"]: each for each in read_document(POLICIES / "strategies.yaml")}


def _policy(**changed: Any) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(read_document(POLICIES / "default.yaml"))
    return document | {"name": {"en": "Other", "zh": "别的"}} | changed


def _strategy() -> dict[str, Any]:
    return {**copy.deepcopy(SHIPPED["retention_call"]), "cost": 13}


BY_HAND = {"key": "by_hand", "name": TEXT, "description": TEXT, "kind": "manual"}
SIZE = {
    "key": "size",
    "kind": "rules",
    "name": TEXT,
    "description": TEXT,
    "values": [
        {"key": "big", "name": TEXT, "when": {"order_count": {"gte": 5}}},
        {"key": "small", "name": TEXT, "otherwise": True},
    ],
}
TIER = {"externalId": WHO, "tier": "gold", "reason": "Known well", "expiresOn": "2030-01-01"}
CLASS = {
    "externalId": WHO,
    "classification": "activity",
    "value": "active",
    "reason": "Known well",
    "expiresOn": "2030-01-01",
}
ACTION = {"externalId": WHO, "strategy": "retention_call", "status": "PLANNED", "note": "Call"}
MEMBERS = {"key": "by_hand", "externalIds": [WHO], "reason": "Why not"}
OVERRIDE = "override { value version }"
STRATEGIES = "strategies { key version active }"
POLICY = "policy { id key version state }"
NO_SUCH = "VGllclBvbGljeTo5OTk5"

SAMPLES: Mapping[str, Sample] = {
    "setTierOverride": input_sample(
        "SetTierOverrideInput", OVERRIDE, TIER, stale={"expectedVersion": 7}
    ),
    "endTierOverride": Sample(
        {"externalId": "String!", "expectedVersion": "Int"},
        {"externalId": WHO, "expectedVersion": None},
        OVERRIDE,
        ("setTierOverride",),
        stale={"externalId": WHO, "expectedVersion": 7},
    ),
    "setClassOverride": input_sample(
        "SetClassOverrideInput", OVERRIDE, CLASS, stale={"expectedVersion": 7}
    ),
    "endClassOverride": Sample(
        {"externalId": "String!", "classification": "String!", "expectedVersion": "Int"},
        {"externalId": WHO, "classification": "activity", "expectedVersion": None},
        OVERRIDE,
        ("setClassOverride",),
        stale={"externalId": WHO, "classification": "activity", "expectedVersion": 7},
    ),
    "createCustomer": input_sample(
        "CreateCustomerInput",
        "customer { externalId version }",
        {"externalId": "new", "name": "Clara Lopez"},
        unversioned="it makes something new; a number that is taken is refused",
    ),
    "updateCustomer": input_sample(
        "UpdateCustomerInput",
        "customer { externalId region version }",
        {"externalId": WHO, "region": "West", "expectedVersion": 1},
        stale={"expectedVersion": 7},
    ),
    "recordConsent": input_sample(
        "RecordConsentInput",
        "consents { purpose channel granted recordedAt source }",
        {"externalId": WHO, "purpose": "marketing", "channel": "email", "granted": False},
        unversioned="what was said is a fact of its moment; the latest counts, whoever is quicker",
    ),
    "createTierPolicy": Sample(
        {"policy": "JSON!", "expectedVersion": "Int"},
        {"policy": _policy(), "expectedVersion": 1},
        POLICY,
        stale={"policy": _policy(), "expectedVersion": 7},
    ),
    "activateTierPolicy": input_sample(
        "ActivateTierPolicyInput",
        POLICY,
        {"key": "default", "version": 2, "reason": "Why not"},
        before=("createTierPolicy",),
        stale={"expectedActive": NO_SUCH},
    ),
    "rollBackTierPolicy": input_sample(
        "TierPolicyVersionInput",
        POLICY,
        {"key": "default", "version": 1, "reason": "Why not"},
        before=("createTierPolicy", "activateTierPolicy"),
        stale={"expectedActive": NO_SUCH},
    ),
    "withdrawTierPolicy": input_sample(
        "TierPolicyVersionInput",
        POLICY,
        {"key": "default", "version": 2, "reason": "Why not"},
        before=("createTierPolicy", "activateLater"),
        stale={"expectedActive": NO_SUCH},
    ),
    "saveClassification": input_sample(
        "SaveClassificationInput",
        "version classification { key version }",
        {"document": SIZE},
        stale={"expectedVersion": 7},
    ),
    "deleteClassification": input_sample(
        "DeleteClassificationInput",
        "deletedKey",
        {"key": "size", "expectedVersion": 1},
        before=("saveClassification",),
        stale={"expectedVersion": 7},
    ),
    "setRelationshipStatus": input_sample(
        "SetRelationshipStatusInput",
        "status { status version }",
        {"externalId": WHO, "status": "key"},
        stale={"expectedVersion": 7},
    ),
    "createSegment": input_sample(
        "CreateSegmentInput",
        "segment { key version }",
        {"document": BY_HAND},
        unversioned="it makes something new; a key that is taken is refused",
    ),
    "updateSegment": input_sample(
        "UpdateSegmentInput",
        "segment { key version }",
        {"document": {**BY_HAND, "family": "value"}, "expectedVersion": 1},
        before=("createSegment",),
        stale={"expectedVersion": 7},
    ),
    "deleteSegment": input_sample(
        "DeleteSegmentInput",
        "deletedKey",
        {"key": "by_hand", "expectedVersion": 1},
        before=("createSegment",),
        stale={"expectedVersion": 7},
    ),
    "addSegmentMembers": input_sample(
        "SegmentMembersInput",
        "segment { key memberCount }",
        MEMBERS,
        before=("createSegment",),
        stale={"expectedVersion": 7},
    ),
    "removeSegmentMembers": input_sample(
        "SegmentMembersInput",
        "segment { key memberCount }",
        MEMBERS,
        before=("createSegment", "addSegmentMembers"),
        stale={"expectedVersion": 7},
    ),
    "setAttributeSensitivity": Sample(
        {"name": "String!", "sensitive": "Boolean!"},
        {"name": "household_size", "sensitive": True},
        "attribute",
        unversioned="an attribute has one such mark, set to what the caller says",
    ),
    "saveStrategy": input_sample(
        "SaveStrategyInput",
        STRATEGIES,
        {"document": _strategy(), "expectedVersion": 1},
        stale={"expectedVersion": 7},
    ),
    "setStrategyActive": input_sample(
        "SetStrategyActiveInput",
        STRATEGIES,
        {"key": "retention_call", "active": False, "expectedVersion": 1},
        stale={"expectedVersion": 7},
    ),
    "chooseStrategyVariant": Sample(
        {"variant": "String!"},
        {"variant": "upkeep"},
        STRATEGIES,
        unversioned="it says what shall hold of several strategies, whoever is quicker",
    ),
    "saveResourcePlan": input_sample(
        "SaveResourcePlanInput",
        "version",
        {"document": {"budget": 100}, "expectedVersion": 1},
        stale={"expectedVersion": 7},
    ),
    "recordStrategyAction": input_sample(
        "RecordStrategyActionInput",
        "action { id status version note }",
        ACTION,
        stale={"id": "${recordStrategyAction.action.id}", "expectedVersion": 7},
    ),
    "openCase": input_sample(
        "OpenCaseInput",
        "customerCase { id version }",
        {"externalId": WHO, "kind": "WIN_BACK", "strategy": "win_back_offer"},
        unversioned="it makes something new; a second open case is refused",
    ),
    "closeCase": input_sample(
        "CloseCaseInput",
        "customerCase { id version }",
        {
            "id": "${openCase.customerCase.id}",
            "cause": "PRICE",
            "outcome": "RETURNED",
            "expectedVersion": 1,
        },
        before=("openCase",),
        stale={"expectedVersion": 7},
    ),
}
"""By the mutation's name."""
OTHERS: Mapping[str, tuple[str, Sample]] = {
    "activateLater": (
        "activateTierPolicy",
        input_sample(
            "ActivateTierPolicyInput",
            POLICY,
            {"key": "default", "version": 2, "reason": "x", "effectiveFrom": "2026-06-01"},
        ),
    )
}


@dataclass
class Samples:
    """Calls samples one after the other against one database."""

    api: Api
    left: dict[str, Any] = field(default_factory=dict)

    async def prepare(self, name: str) -> None:
        """Make what the sample of this name changes."""
        for each in SAMPLES[name].before:
            mutation, sample = OTHERS.get(each) or (each, SAMPLES[each])
            answer = await self.call(mutation, sample, sample.arguments)
            payload = answer["data"][mutation]
            assert payload["userErrors"] == [], payload
            self.left[each] = payload

    async def call(
        self, name: str, sample: Sample, arguments: Mapping[str, Any], key: str | None = None
    ) -> Any:
        given = self.filled(arguments) | {"key": key}
        answer = await self.api.send(sample.document(name), variables=given)
        return answer.json()

    def filled(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self.filled(each) for name, each in value.items()}
        if isinstance(value, str) and value.startswith("${"):
            found: Any = self.left
            for step in value[2:-1].split("."):
                found = found[step]
            return found
        return value
