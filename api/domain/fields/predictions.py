"""What models foretell."""

from __future__ import annotations

from api.domain.fields.field import MONEY, Field, stored
from api.domain.fields.people import RISK_BANDS

_TABLE = "predictions"

PREDICTIONS: tuple[Field, ...] = (
    stored(
        _TABLE,
        "churn_probability",
        "number",
        "Churn probability",
        "流失概率",
        unit="probability",
        lowest=0,
        highest=1,
    ),
    stored(
        _TABLE,
        "churn_percentile",
        "number",
        "Churn percentile",
        "流失概率百分位",
        unit="percentile",
        lowest=0,
        highest=100,
    ),
    stored(_TABLE, "risk_band", "choice", "Risk band", "风险等级", choices=RISK_BANDS),
    stored(_TABLE, "clv", "money", "Predicted lifetime value", "预测客户终身价值", **MONEY),
)
