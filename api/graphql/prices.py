"""How long each list may be and how much each field weighs: the table that costs rest on.

A test holds that every list of objects without a page size is here, so that none can be longer
than its document was charged for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHANGE = 1_000
"""What each mutation weighs beside its own weight: it waits for others and writes to the disk."""
MOST_USER_ERRORS = 100
TIERS = 21
"""A policy's, and none."""
LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "AttributeDisparity.groups": 20,
        "ClassBoundary.above": 5,
        "ClassBoundary.below": 5,
        "Classes.all": 60,
        "Classes.statuses": 100,
        "Classification.boundary": 60,
        "Classification.values": 60,
        "Classification.versions": 100,
        "Customer.attributes": 200,
        "Customer.cases": 50,
        "Customer.churnHints": 10,
        "Customer.consents": 100,
        "Customer.needs": 30,
        "Customer.overrides": 50,
        "Customer.preferredChannels": 20,
        "Customer.recommendedProducts": 20,
        "Customer.recommendedStrategies": 20,
        "Customer.segments": 200,
        "Customer.strategyActions": 50,
        "Customer.withheldStrategies": 200,
        "CustomerCase.reasons": 30,
        "CustomerClass.history": 20,
        "CustomerClass.reasons": 20,
        "CustomerNeed.evidence": 20,
        "CustomerNeed.strategies": 50,
        "CustomerSegment.reasons": 30,
        "CustomerTier.reasons": 30,
        "MonthStatistics.byAbcClass": 5,
        "MonthStatistics.byLifecycleStage": 10,
        "MonthStatistics.byTier": 2 * TIERS,
        "Order.lines": 300,
        "Portfolio.byRiskBand": 10,
        "Portfolio.bySegment": 1_000,
        "Portfolio.byTier": 2 * TIERS,
        "Prediction.clvReasons": 5,
        "Prediction.reasons": 5,
        "Query.classifications": 60,
        "Query.customerGroups": 50,
        "Query.fields": 300,
        "Query.models": 200,
        "Query.monthlyStatistics": 60,
        "Query.retentionByTier": 2 * TIERS,
        "Query.segments": 1_000,
        "Query.strategies": 500,
        "Query.tierPolicies": 1_000,
        "Query.tiers": TIERS,
        "Recommendation.reasons": 30,
        "RecordConsentPayload.consents": 100,
        "ResourceGuard.alerts": 500,
        "ResourceGuard.tiers": 2 * TIERS,
        "RevenueBridge.flows": 20,
        "RiskScore.reasons": 5,
        "RuleField.choices": 200,
        "RuleField.windows": 10,
        "SegmentStay.enteredBecause": 30,
        "SegmentStay.leftBecause": 30,
        "SlaBreaches.byTier": 2 * TIERS,
        "SlaBreaches.worst": 100,
        "StrategyPayload.strategies": 500,
        "TierDecision.measures": 300,
        "TierDecision.reasons": 30,
        "TierEdge.above": 10,
        "TierEdge.below": 10,
        "TierGap.conditions": 30,
        "TierMargin.conditions": 30,
        "TierMigration.counts": 10 * TIERS,
        "TierMigration.moves": 2_000,
        "TierSimulation.counts": 2 * TIERS,
        "TierSimulation.disparity": 50,
        "TierSimulation.edges": TIERS,
        "TierSimulation.moves": 1_000,
        "TierSimulation.tiers": 2 * TIERS,
        "WhatIf.actions": 20,
        "WhatIf.changes": 100,
    }
)
"""The most entries of lists that are asked for without a page size; longer ones are refused."""
WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "Query.simulateTierPolicy": 200_000,
        "Query.revenueBridge": 40_000,
        "Query.retentionByTier": 40_000,
        "Query.slaBreaches": 40_000,
        "Query.resourceGuard": 40_000,
        "Query.tierMigration": 20_000,
        "Query.validateTierPolicy": 5_000,
        "Query.policyDocument": 5_000,
        "Query.explainTier": 500,
        "Classification.boundary": 1_500,
        "Customer.whatIf": 2_500,
        "TierDecision.whatIf": 2_500,
        "Customer.withheldStrategies": 500,
        "Customer.tierDecision": 500,
        "Query.__schema": 25_000,
        "Query.__type": 25_000,
    }
)
"""What takes as long as so many values: it looks at everybody, decides again, or shows the schema,
which costs the same whatever is asked of it."""
