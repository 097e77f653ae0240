"""Tiers of everyone, by the policy in force."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.columns import NO_DAY, Column, aligned, objects
from api.deciding.occasion import Deciding
from api.deciding.reading import read_once
from api.domain.conditions import is_missing
from api.domain.tiers import Overrides, Standing, TierPolicy, parse_policy


def decide_tiers(deciding: Deciding) -> pa.Table:
    """The assignments; adds the columns `tier` and `tier_rank` (NaN for none)."""
    policy = read_once(
        parse_policy, deciding.catalogue.policy, deciding.occasion.exponent, deciding.fields
    )
    decisions = policy.decide(
        deciding.columns,
        _standing(deciding, policy),
        deciding.occasion.as_of,
        overrides=_overrides(deciding, policy),
    )
    deciding.columns["tier"] = decisions.tiers
    tiers = pa.array(decisions.tiers, pa.string()).dictionary_encode()
    ranks = {tier.key: float(tier.rank) for tier in policy.document.tiers}
    known = np.array([*(ranks[key] for key in tiers.dictionary.to_pylist()), np.nan])
    places = tiers.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
    deciding.columns["tier_rank"] = known[places]
    return pa.table(
        {
            "customer_id": deciding.ids,
            "tier_key": tiers.cast(pa.string()),
            "since": deciding.occasion.day_column(len(deciding.ids)),
            "policy_version_id": pa.repeat(deciding.catalogue.policy_version_id, len(deciding.ids)),
            "reasons": decisions.reasons_texts(),
            "inputs": decisions.inputs_texts(),
            "gap_to_next": decisions.gap_texts,
            "margin_to_lower": decisions.margin_texts(),
            "next_tier_key": pa.array(decisions.next_tiers, type=pa.string()),
            "gap_share": pa.array(decisions.gap_shares, from_pandas=True),
            "watch_since": pa.array(decisions.moves.watch_since, pa.date32()),
            "watch_until": pa.array(decisions.moves.until, pa.date32()),
            "evaluated_on": pa.array(decisions.moves.evaluated_on, pa.date32()),
        }
    )


def _standing(deciding: Deciding, policy: TierPolicy) -> Standing:
    """Who stands where by earlier versions of this policy; another policy decides anew."""
    table = deciding.population.tiers
    table = table.filter(pc.equal(table["policy_key"].cast(pa.string()), policy.document.key))
    ids, keys = deciding.ids, table["customer_id"].to_numpy()
    return Standing(
        aligned(ids, keys, objects(table["tier_key"]), None),
        aligned(ids, keys, np.ones(len(keys)), np.nan) == 1,
        *(_days(ids, keys, table[name]) for name in ("since", "watch_since", "evaluated_on")),
    )


def _days(ids: Column, keys: Column, column: pa.ChunkedArray) -> Column:
    days = objects(column).astype("datetime64[D]")
    return aligned(ids, keys, days, NO_DAY)


def _overrides(deciding: Deciding, policy: TierPolicy) -> Overrides | None:
    """Tiers that people set, if the policy still has them."""
    table = deciding.population.overrides
    table = table.filter(pc.equal(table["kind"], "tier"))
    known = pa.array([tier.key for tier in policy.document.tiers], pa.string())
    table = table.filter(pc.is_in(table["value"], known))
    if not table.num_rows:
        return None
    ids, keys = deciding.ids, table["customer_id"].to_numpy()
    tier = aligned(ids, keys, objects(table["value"]), None)
    until = table["expires_on"].to_numpy().astype("datetime64[D]")
    return Overrides(tier, ~is_missing(tier), aligned(ids, keys, until, NO_DAY))
