"""Customers with awkward values, written to a database and held as columns."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, insert

from api.db import models as m
from api.domain.fields import Choice, Field, attribute_field, known_fields

ZONE = "America/New_York"
CUSTOMERS = 120
MONEY = [None, -1, 0, 1, 49_999, 50_000, 50_001, 2**53 - 1, 2**53, 2**53 + 1, 2**62]
NUMBERS = [None, 0.0, -0.0, 0.1, 0.30000000000000004, 0.3, 1 / 3, 1e-300, 1.0, 29.5, 30.0, 1e15]
SHARES = [0.0, 0.1, 0.3, 0.30000000000000004, 1 / 3, 1.0]
TEXTS = [
    None,
    "a",
    "A",
    "ä",
    "a\u0308",
    "100%",
    "100x",
    "a_b",
    "aXb",
    "北京",
    "'",
    "\\",
    " a",
    "🎈",
]
DAYS = [dt.date(2024, 2, 29), dt.date(2024, 3, 10), dt.date(2024, 11, 3), dt.date(2025, 12, 31)]
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SEGMENTS = ["one", "two"]
TIERS = [None, "gold", "Gold", "silver"]
STAGES = ["prospect", "repeat", "churned"]
INTENTS = [None, "interested", "refused"]
DAY_SUMS = [None, 0, -1, 1_549_999, 1_550_000, 1_550_001, 31 * (2**48 - 1) + 30, 31 * 2**48]
"""Sums over the 31 days of a month: around a mean of 50,000 and where fractions grow coarse."""
BANDS = [None, "a", "A", "ä", "it's", '"', "北京"]


def _class(key: str, kind: Literal["choice", "number"], *values: str) -> Field:
    choices = tuple(Choice(value, value, value) for value in values)
    place = ("customer_profiles", "classes")
    return Field(f"class.{key}", kind, key, key, *place, choices=choices)


FIELDS = known_fields(
    [
        attribute_field("score", "number", "Score", "分数"),
        attribute_field("hobby", "text", "Hobby", "爱好"),
        attribute_field("member", "boolean", "Member", "会员"),
        attribute_field("joined", "date", "Joined", "加入日期"),
        _class("band", "choice", *(each for each in BANDS if each)),
        _class("points", "number"),
    ]
)
READ = [
    FIELDS[name]
    for name in (
        "clv",
        "net_spend",
        "churn_probability",
        "recency_days",
        "order_count",
        "region",
        "external_id",
        "kind",
        "lifecycle_stage",
        "tier",
        "known_at",
        "segment",
        "attribute.score",
        "attribute.hobby",
        "attribute.member",
        "attribute.joined",
        "margin_365d",
        "avg_daily_balance_month",
        "intent",
        "intent_expected_on",
        "class.band",
        "class.points",
    )
]


def without_missing(classes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in classes.items() if value is not None}


class Population:
    """Customers with awkward values, written to a database and held as columns."""

    def __init__(self, connection: Connection) -> None:
        self.draw = random.Random(7)  # noqa: S311  (test data)
        self.columns: dict[str, list[Any]] = {field.name: [] for field in READ}
        self.columns |= {f"segment.{key}": [] for key in SEGMENTS}
        del self.columns["segment"]
        self._write_surroundings(connection)
        for number in range(1, CUSTOMERS + 1):
            self._write_customer(connection, number)
            self._write_decisions(connection, number)
            self._write_attributes(connection, number)

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        arrays = {}
        for name, values in self.columns.items():
            field = FIELDS.get(name)
            if field is None:
                arrays[name] = np.array(values, dtype=bool)
            elif name == "known_at" or field.type == "date":
                arrays[name] = np.array([value or "NaT" for value in values], "datetime64[D]")
            elif field.type in ("text", "choice", "boolean"):
                arrays[name] = np.array(values, dtype=object)
            elif None in values:
                arrays[name] = np.array([np.nan if v is None else v for v in values], dtype=float)
            else:
                arrays[name] = np.array(values)
        return arrays

    def _write_surroundings(self, connection: Connection) -> None:
        def add(table: type[m.Base], **values: Any) -> None:
            connection.execute(insert(table), values)

        add(m.ImportBatch, id=1, kind="x", source="x", arrived_at=NOW, status="done")
        for place, name in enumerate(("churn", "clv"), start=1):
            model: dict[str, Any] = {"mlflow_run_id": "x", "horizon_days": 90, "version": 1}
            model |= {"trained_as_of": NOW.date(), "registered_at": NOW, "champion": True}
            add(m.ModelVersion, id=place, name=name, files={}, metrics={}, **model)
        policy: dict[str, Any] = {"document": {}, "sha256": "x", "created_at": NOW, "active": True}
        add(m.TierPolicyVersion, id=1, key="x", version=1, **policy)
        models = {"churn_model_id": 1, "clv_model_id": 2, "policy_version_id": 1}
        run = {"as_of": NOW.date(), "published_at": NOW, "fingerprint": "x", "counts": {}}
        add(m.RefreshRun, id=1, **models, **run)
        texts = dict.fromkeys(("name_en", "name_zh", "description_en", "description_zh"), "x")
        for place, key in enumerate(SEGMENTS, start=1):
            add(m.Segment, id=place, key=key, kind="rule", version=1, **texts)
        labels = {"sensitive": False, "label_en": "x", "label_zh": "x"}
        for field in READ:
            if field.attribute:
                add(m.AttributeDefinition, name=field.attribute, value_type=field.type, **labels)

    def _keep(self, **values: Any) -> None:
        for name, value in values.items():
            self.columns[name].append(value)

    def _write_customer(self, connection: Connection, number: int) -> None:
        day = self.draw.choice(DAYS)
        time = self.draw.choice([dt.time(), dt.time(12), dt.time(23, 59, 59, 999_999)])
        region, kind = self.draw.choice(TEXTS), self.draw.choice(["b2b", "b2c"])
        connection.execute(
            insert(m.Customer),
            {
                "id": number,
                "external_id": f"C{number}",
                "kind": kind,
                "known_at": dt.datetime.combine(day, time, ZoneInfo(ZONE)),
                "region": region,
                "batch_id": 1,
            },
        )
        self._keep(external_id=f"C{number}", kind=kind, region=region, known_at=day)

    def _write_decisions(self, connection: Connection, number: int) -> None:
        draw, clv = self.draw, self.draw.choice(MONEY)
        probability = None if clv is None else draw.choice(SHARES)
        if clv is not None and probability is not None:
            connection.execute(insert(m.Prediction), self._prediction(number, clv, probability))
        spend, orders = draw.choice(MONEY[1:]), draw.choice([0, 1, 2, 10])
        recency = draw.choice(NUMBERS)
        stage, tier = draw.choice(STAGES), draw.choice(TIERS)
        measures = self._measures()
        classes = {"band": draw.choice(BANDS), "points": draw.choice(NUMBERS)}
        connection.execute(
            insert(m.CustomerProfile),
            {
                "customer_id": number,
                "recency_days": recency,
                "order_count": orders,
                "net_spend_minor": spend,
                "net_spend_365d_minor": spend,
                "interaction_count": 0,
                "lifecycle_stage": stage,
                "lifecycle_since": DAYS[0],
                "as_of": DAYS[0],
                "classes": draw.choice([classes, without_missing(classes)]),
                **{FIELDS[name].column: value for name, value in measures.items()},
            },
        )
        for key, ended_on in (("gold", DAYS[0]), (tier, None)):
            if key is not None:
                connection.execute(insert(m.TierAssignment), self._tier(number, key, ended_on))
        self._write_segments(connection, number)
        self._keep(
            clv=clv,
            churn_probability=probability,
            net_spend=spend,
            recency_days=recency,
            order_count=orders,
            lifecycle_stage=stage,
            tier=tier,
            **measures,
            **{f"class.{key}": value for key, value in classes.items()},
        )

    def _measures(self) -> dict[str, Any]:
        draw = self.draw
        day_sum = draw.choice(DAY_SUMS)
        return {
            "margin_365d": draw.choice(MONEY),
            "avg_daily_balance_month": None if day_sum is None else day_sum / 31,
            "intent": draw.choice(INTENTS),
            "intent_expected_on": draw.choice([None, *DAYS]),
        }

    def _prediction(self, number: int, clv: int, probability: float) -> dict[str, Any]:
        days: dict[str, Any] = {"horizon_days": 90, "clv_horizon_days": 90, "as_of": NOW.date()}
        moments: dict[str, Any] = {"scored_at": NOW, "valid_until": NOW}
        reasons: dict[str, Any] = {"churn_reasons": [], "clv_reasons": []}
        return {
            "customer_id": number,
            "external_id": f"C{number}",
            "churn_probability": probability,
            "churn_percentile": 50.0,
            "risk_band": "low",
            "clv_minor": clv,
            "clv_low_minor": clv,
            "clv_high_minor": clv,
            "revision": number,
            "deleted": False,
            "run_id": 1,
            **days,
            **moments,
            **reasons,
        }

    def _tier(self, number: int, key: str, ended_on: dt.date | None) -> dict[str, Any]:
        return {
            "customer_id": number,
            "tier_key": key,
            "since": DAYS[0],
            "ended_on": ended_on,
            "policy_version_id": 1,
            "run_id": 1,
            "reasons": [],
            "inputs": {},
        }

    def _write_segments(self, connection: Connection, number: int) -> None:
        for place, key in enumerate(SEGMENTS, start=1):
            state = self.draw.choice(["in", "left", "never"])
            self._keep(**{f"segment.{key}": state == "in"})
            if state != "never":
                connection.execute(
                    insert(m.SegmentMembership),
                    {
                        "segment_id": place,
                        "customer_id": number,
                        "entered_on": DAYS[0],
                        "left_on": None if state == "in" else DAYS[1],
                        "cause": {},
                    },
                )

    def _write_attributes(self, connection: Connection, number: int) -> None:
        choices: dict[str, list[Any]] = {
            "score": NUMBERS,
            "hobby": TEXTS,
            "member": [None, True, False],
            "joined": [None, *DAYS],
        }
        for name, values in choices.items():
            value = None
            for year in range(2020, 2020 + self.draw.choice([0, 1, 2])):
                value = self.draw.choice(values)
                numeric = name in ("score", "member")
                text = value.isoformat() if isinstance(value, dt.date) else value
                connection.execute(
                    insert(m.CustomerAttribute),
                    {
                        "customer_id": number,
                        "name": name,
                        "valid_from": dt.datetime(year, 1, 1, tzinfo=dt.UTC),
                        "number_value": float(value) if numeric and value is not None else None,
                        "text_value": None if numeric else text,
                        "batch_id": 1,
                    },
                )
            self._keep(**{f"attribute.{name}": value})
