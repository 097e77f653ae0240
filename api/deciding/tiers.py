"""Tiers of everyone, by the policy in force."""

from __future__ import annotations

import pyarrow as pa

from api.deciding.occasion import Deciding
from api.domain.nearness import nearness
from api.domain.tiers import parse_policy


def decide_tiers(deciding: Deciding) -> pa.Table:
    policy = parse_policy(deciding.catalogue.policy, deciding.occasion.exponent, deciding.fields)
    decisions = policy.decide(deciding.columns)
    deciding.columns["tier"] = decisions.tiers
    near = nearness(decisions)
    rows = len(deciding.ids)
    return pa.table(
        {
            "customer_id": deciding.ids,
            "tier_key": pa.array(decisions.tiers, type=pa.string()),
            "since": deciding.occasion.day_column(rows),
            "policy_version_id": pa.repeat(deciding.catalogue.policy_version_id, rows),
            "reasons": pa.array(decisions.reasons_json(), type=pa.string()),
            "inputs": pa.array(decisions.inputs_json(), type=pa.string()),
            "gap_to_next": pa.array(decisions.gap_json(), type=pa.string()),
            "margin_to_lower": pa.nulls(rows, pa.string()),
            "next_tier_key": pa.array(near.next_tier, type=pa.string()),
            "gap_share": pa.array(near.lacking, from_pandas=True),
            "watch_since": pa.nulls(rows, pa.date32()),
            "watch_until": pa.nulls(rows, pa.date32()),
            "evaluated_on": pa.nulls(rows, pa.date32()),
        }
    )
