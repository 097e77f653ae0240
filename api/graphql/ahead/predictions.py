"""Predictions, of a customer and in the feed of partners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.db.ahead import feed
from api.db.ahead import relations as rel
from api.graphql.ahead.reasons import PREDICTION_REASON, Stored, stored
from api.graphql.ahead.shapes import Documents, Given, Shape, Value
from api.graphql.ahead.values import (
    as_moment,
    choice,
    currency,
    day,
    flag,
    identity,
    major,
    moment,
    number,
)
from api.graphql.scores import RiskBand

P = rel.PREDICTION.c
S = feed.SCORE.c


def _stale(given: Given) -> Callable[[Any], bool]:
    since = given.context.stale_from
    return lambda valid_until: as_moment(valid_until) <= since


def _versions(_given: Given) -> Callable[[int, int], str]:
    return lambda churn, clv: f"churn-{churn}/clv-{clv}"


PREDICTION = Shape(
    "Prediction",
    {
        "churnProbability": Value((P.churn_probability,), number),
        "churnPercentile": Value((P.churn_percentile,), number),
        "riskBand": Value((P.risk_band,), choice(RiskBand)),
        "clv": Value((P.clv_minor,), major),
        "clvLow": Value((P.clv_low_minor,), major),
        "clvHigh": Value((P.clv_high_minor,), major),
        "currency": Value((P.customer_id,), currency),
        "horizonDays": Value((P.horizon_days,)),
        "clvHorizonDays": Value((P.clv_horizon_days,)),
        "expectedNextPurchaseOn": Value((P.expected_next_purchase_on,), day),
        "asOf": Value((P.as_of,), day),
        "scoredAt": Value((P.scored_at,), moment),
        "validUntil": Value((P.valid_until,), moment),
        "stale": Value((P.valid_until,), _stale),
        "modelVersion": Value((rel.CHURN.c.version, rel.CLV.c.version), _versions, rel.SCORED_WITH),
        "reasons": Documents(PREDICTION_REASON, (rel.CHURN_REASONS,), stored),
        "clvReasons": Documents(PREDICTION_REASON, (rel.CLV_REASONS,), stored),
    },
)


def living(convert: Callable[[Given], Callable[..., Any]]) -> Callable[[Given], Callable[..., Any]]:
    """Nothing is told of a score that has ended."""

    def made(given: Given) -> Callable[[Any, Any], Any]:
        work = convert(given)
        return lambda deleted, value: None if deleted else work(value)

    return made


def _living_reasons(given: Given) -> Callable[[Any, Any], list[Stored]]:
    read = stored(given)
    return lambda deleted, content: [] if deleted else read(content)


def _told(name: str, convert: Callable[[Given], Callable[..., Any]]) -> Value:
    return Value((feed.ENDED, S[name]), living(convert))


RISK_SCORE = Shape(
    "RiskScore",
    {
        "customerId": Value((S.customer_id,), identity("Customer")),
        "externalId": Value((feed.CUSTOMER.c.external_id,), None, feed.WHOSE),
        "churnProbability": _told("churn_probability", number),
        "churnPercentile": _told("churn_percentile", number),
        "riskBand": _told("risk_band", choice(RiskBand)),
        "clv": _told("clv_minor", major),
        "horizonDays": Value((S.horizon_days,)),
        "asOf": Value((S.as_of,), day),
        "scoredAt": Value((S.scored_at,), moment),
        "validUntil": Value((S.valid_until,), moment),
        "modelVersion": Value(
            (feed.CHURN.c.version, feed.CLV.c.version), _versions, feed.SCORED_WITH
        ),
        "revision": Value((S.revision,)),
        "deleted": Value((feed.ENDED,), flag),
        "reasons": Documents(PREDICTION_REASON, (feed.ENDED, feed.REASONS), _living_reasons),
    },
)
