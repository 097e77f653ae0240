"""Predictions as they are published: with rank, band, horizons and validity."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from api.columns import local_days
from api.deciding.occasion import Occasion
from api.domain.risk import percentiles, risk_bands
from ml.contracts import cutoff_of

MOMENT = pa.timestamp("us", "UTC")


def publishable_predictions(predictions: pa.Table, occasion: Occasion) -> pa.Table:
    """What scoring returned, with rank, band, horizons and validity."""
    rows = predictions.num_rows
    installation = occasion.installation
    probabilities = predictions["churn_probability"].to_numpy()
    last_day = occasion.as_of + dt.timedelta(days=installation.score_validity_days)
    valid_until = cutoff_of(last_day, installation.time_zone)
    constants = {
        "horizon_days": pa.scalar(occasion.churn_horizon_days, pa.int64()),
        "clv_horizon_days": pa.scalar(occasion.clv_horizon_days, pa.int64()),
        "as_of": pa.scalar(occasion.as_of, pa.date32()),
        "scored_at": pa.scalar(occasion.now, MOMENT),
        "valid_until": pa.scalar(dt.datetime.fromtimestamp(valid_until, dt.UTC), MOMENT),
        "deleted": pa.scalar(False),
    }
    derived = {
        "churn_percentile": pa.array(percentiles(probabilities)),
        "risk_band": pa.array(risk_bands(probabilities), type=pa.string()),
        "expected_next_purchase_on": pa.array(
            local_days(predictions["expected_next_purchase_at"], installation.time_zone),
            pa.date32(),
        ),
        **{name: pa.repeat(value, rows) for name, value in constants.items()},
    }
    published = predictions.drop_columns(["expected_next_purchase_at"])
    for name, values in derived.items():
        published = published.append_column(name, values)
    return published
