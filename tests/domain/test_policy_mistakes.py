"""What is refused of a tier policy, with the path in the document and the way out."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from api.domain.tiers import parse_policy
from api.errors import InvalidInput
from tests.domain.test_policy_kinds import MATRIX, QUANTILES, shipped


def changed(policy: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    document = deepcopy(policy)
    *parents, last = (int(each) if each.isdigit() else each for each in path.split("/"))
    place: Any = document
    for each in parents:
        place = place[each]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


BANK, WEIGHTED, B2B = shipped("bank-assets"), shipped("weighted-abc"), shipped("b2b-credit")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({**BANK, "kind": None}, "policy.kind: None is unknown"),
        (changed(BANK, "tiers/1/at_least", 8_000_000), "tiers[1].at_least: tiers stand from best"),
        (changed(BANK, "tiers/2/below", 900_000), "tiers[2].below: leaves a gap"),
        (changed(BANK, "tiers/2/below", 1_100_000), "tiers[2].below: leaves an overlap"),
        (changed(BANK, "tiers/0/below", 9_000_000), "tiers[0].below: the best tier has no upper"),
        (changed(BANK, "below", None), "tiers[3]: customers below this tier have no place"),
        (changed(BANK, "measure", "avg_daily_balance"), "did you mean 'avg_daily_balance_month'"),
        (changed(BANK, "tiers/0/keep_from", 8_000_001), "tiers[0].keep_from"),
        (changed(BANK, "tiers/0/at_least", 0.001), "more than 2 decimals"),
        (changed(BANK, "currency", "yuan"), "policy.currency"),
        (changed(BANK, "stability/grace_months", -1), "stability.grace_months"),
        (changed(BANK, "stability/exit_margin", 1), "stability.exit_margin"),
        (changed(BANK, "stability/settle_months", 1), "stability.settle_months"),
        (changed(BANK, "stability/downgrade", "slowly"), "stability.downgrade"),
        (changed(WEIGHTED, "criteria/0/weight", 0.31), "criteria: the weights sum to 1.01"),
        (changed(WEIGHTED, "criteria/0/scale", {"worst": 1, "best": 1}), "criteria[0].scale"),
        (changed(WEIGHTED, "criteria/1/steps", []), "criteria[1]: needs one of"),
        (changed(WEIGHTED, "tiers/2/otherwise", None), "tiers[2]: needs either `at_least`"),
        (changed(QUANTILES, "tiers/1/top_share", 0.1), "tiers[1].top_share: shares count"),
        (changed(QUANTILES, "tiers/0/top_share", 1.5), "tiers[0].top_share"),
        (changed(MATRIX, "cells/high/staying", None), "cells.high: lacks the entry 'staying'"),
        (changed(MATRIX, "cells/low", None), "cells: lacks the entry 'low'"),
        (changed(MATRIX, "cells/low/staying", "bset"), "did you mean 'best'"),
        (changed(MATRIX, "rows/bands/1/at_least", 1000), "rows.bands[1].at_least"),
        (changed(MATRIX, "rows/bands/1/below", 900), "rows.bands[1].below: leaves a gap"),
        (changed(MATRIX, "fallback", None), "policy.fallback: the tiers read clv"),
        (
            changed(B2B, "branches/1", {"key": "x", "when": {"kind": "b2c"}, "policy": {}}),
            "branches[1]: the last branch",
        ),
        (
            changed(B2B, "branches/0/when", {"net_spend": {"gte": 1}}),
            "branches[0].when: ladders are chosen by kind, industry, region",
        ),
        (
            changed(B2B, "branches/1/policy/tiers/1/below", 10_000),
            "branches[1].policy.tiers[1].below: leaves a gap",
        ),
        (changed(B2B, "branches/0/policy/kind", "choice"), "branches[0].policy.kind"),
    ],
)
def test_a_mistake_is_refused_with_its_path(policy: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policy(policy, 2)
    assert message in str(caught.value)
