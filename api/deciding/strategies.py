"""What is recommended to do for whom."""

from __future__ import annotations

import pyarrow as pa

from api.deciding.occasion import Deciding
from api.domain.strategies import parse_strategies, recommend

MAX_RECOMMENDATIONS = 5


def decide_recommendations(deciding: Deciding) -> pa.Table:
    documents = [document for _, document in deciding.catalogue.strategies.values()]
    strategies = parse_strategies(documents, deciding.occasion.exponent, deciding.fields)
    chosen = recommend(strategies, deciding.columns, MAX_RECOMMENDATIONS)
    row_ids = {key: row_id for key, (row_id, _) in deciding.catalogue.strategies.items()}
    return pa.table(
        {
            "customer_id": deciding.ids[chosen.customer_index],
            "priority": pa.array(chosen.priority, type=pa.int64()),
            "strategy_id": pa.array([row_ids[key] for key in chosen.strategy_key], pa.int64()),
            "expected_gain_minor": pa.array(chosen.expected_gain_minor, type=pa.int64()),
            "reasons": pa.array(chosen.reasons_json(), type=pa.string()),
        }
    )
