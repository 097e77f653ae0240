"""A small business whose every row is known, written with SQLAlchemy.

Ties are many on purpose: probabilities have two decimals, amounts are multiples of 50.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, insert, select, text, update

from api.db import models
from api.documents import install_shipped_documents
from api.domain.personal_data import PersonalDataCipher
from tests.api import seed_findings
from tests.api.seed_facts import (
    BATCH,
    NOW,
    ago,
    attribute_definitions,
    attributes,
    external_id,
    interactions,
    lines,
    orders,
)

DAY = dt.date(2026, 3, 31)
TIERS = ("diamond", "platinum", "gold", "silver", "bronze")
FIRST_NAMES = ("Anna", "Bao", "Clara", "Dmitri", "Élise")
LAST_NAMES = ("Smith", "Schröder", "Lopez", "王")
RUN = 1
OWNERS = ("east", "west", None)
"""Customers 3, 6, 9 ... are east's, 1, 4, 7 ... are west's, all others are nobody's."""


@dataclass
class Seeder:
    """Makes the rows of `size` customers; every tenth has no prediction, every seventh no tier."""

    engine: Engine
    secret: bytes
    size: int

    def __post_init__(self) -> None:
        self.random = random.Random(20260401)  # noqa: S311 - a seeded one is meant
        self.cipher = PersonalDataCipher(self.secret)

    def run(self) -> None:
        install_shipped_documents(self.engine, ago(100))
        with self.engine.begin() as connection:
            self.segments = dict(
                connection.execute(select(models.Segment.key, models.Segment.id)).all()
            )
            self.strategies = list(
                connection.scalars(select(models.Strategy.id).order_by(models.Strategy.id))
            )
            policy = connection.scalar(select(models.TierPolicyVersion.id))
            for table, rows in self.rows(policy).items():
                if rows:
                    connection.execute(insert(table), rows)
            connection.execute(update(models.Installation).values(last_revision=self.size))
            if connection.dialect.name == "postgresql":  # it did not see these numbers being taken
                for name in ("import_batches", "customers"):
                    connection.execute(
                        text(f"SELECT setval('{name}_id_seq', (SELECT MAX(id) FROM {name}))")
                    )

    def rows(self, policy: int | None) -> dict[Any, list[dict[str, Any]]]:
        ids = range(1, self.size + 1)
        return {
            models.ImportBatch: [
                {"id": BATCH, "kind": "seed", "source": "seed", "arrived_at": ago(1)}
                | {"status": "done"}
            ],
            models.ModelVersion: [self.model(1, "churn", 3), self.model(2, "clv", 5)],
            models.RefreshRun: [self.run_row(policy)],
            models.AttributeDefinition: attribute_definitions(),
            models.Product: [
                {
                    "id": 1,
                    "external_id": "P1",
                    "name": "Tea",
                    "department": None,
                    "batch_id": BATCH,
                },
                {"id": 2, "external_id": "P2", "name": None, "department": "Cakes"}
                | {"batch_id": BATCH},
            ],
            models.Customer: [self.customer(number) for number in ids],
            models.CustomerNameToken: [row for number in ids for row in self.tokens(number)],
            models.CustomerAttribute: [row for number in ids for row in attributes(number)],
            models.CustomerProfile: [self.profile(number) for number in ids if number % 11],
            models.Prediction: [self.prediction(number) for number in ids if number % 10],
            models.TierAssignment: [row for number in ids for row in self.tiers(number, policy)],
            models.SegmentMembership: [row for number in ids for row in self.stays(number)],
            models.Recommendation: [row for number in ids for row in self.advice(number)],
            models.MiningRun: [seed_findings.run()],
            models.CustomerFinding: [
                row for number in ids for row in seed_findings.findings(number)
            ],
            models.Order: [row for number in ids for row in orders(number)],
            models.OrderLine: [row for number in ids for row in lines(number)],
            models.Interaction: [row for number in ids for row in interactions(number)],
        }

    def model(self, number: int, name: str, version: int) -> dict[str, Any]:
        return {
            "id": number,
            "name": name,
            "version": version,
            "mlflow_run_id": f"run-{number}",
            "horizon_days": 28,
            "trained_as_of": DAY,
            "registered_at": ago(2),
            "files": {},
            "metrics": {"auc": 0.8},
            "champion": True,
        }

    def run_row(self, policy: int | None) -> dict[str, Any]:
        return {
            "id": RUN,
            "as_of": DAY,
            "published_at": ago(0.1),
            "fingerprint": "seed",
            "churn_model_id": 1,
            "clv_model_id": 2,
            "policy_version_id": policy,
            "counts": {},
        }

    def name(self, number: int) -> str:
        return f"{FIRST_NAMES[number % 5]} {LAST_NAMES[number % 4]}"

    def customer(self, number: int) -> dict[str, Any]:
        owner = external_id(number)
        email = f"c{number}@example.org"
        phone = f"+4420718{number:05d}"
        return {
            "id": number,
            "external_id": owner,
            "kind": ("b2c", "b2b")[number % 5 == 0],
            "known_at": ago(400 - number % 20),
            "industry": None,
            "region": ("North", "South", None)[number % 3],
            "owner": OWNERS[number % 3],
            "name_encrypted": self.cipher.encrypt("name", owner, self.name(number)),
            "email_encrypted": self.cipher.encrypt("email", owner, email),
            "phone_encrypted": self.cipher.encrypt("phone", owner, phone),
            "email_hash": self.cipher.lookup_hash("email", email),
            "phone_hash": self.cipher.lookup_hash("phone", phone),
            "batch_id": BATCH,
        }

    def tokens(self, number: int) -> list[dict[str, Any]]:
        tokens = self.cipher.name_tokens(self.name(number))
        return [{"token_hash": token, "customer_id": number} for token in tokens]

    def profile(self, number: int) -> dict[str, Any]:
        buyer = number % 10 != 0
        return {
            "customer_id": number,
            "recency_days": float(number % 30) if buyer else None,
            "order_count": number % 6 if buyer else 0,
            "net_spend_minor": number % 9 * 5_000 if buyer else 0,
            "net_spend_365d_minor": number % 9 * 4_000 if buyer else 0,
            "tenure_days": 300.0 if buyer else None,
            "mean_gap_days": 12.5 if buyer else None,
            "interaction_count": number % 3,
            "r_score": number % 5 + 1 if buyer else None,
            "f_score": number % 4 + 1 if buyer else None,
            "m_score": number % 3 + 1 if buyer else None,
            "rfm_group": ("champions", "loyal", "lost")[number % 3] if buyer else None,
            "abc_class": "ABC"[number % 3] if buyer else None,
            "lifecycle_stage": "repeat" if buyer else "prospect",
            "lifecycle_since": DAY - dt.timedelta(days=number % 40),
            "as_of": DAY,
        }

    def prediction(self, number: int) -> dict[str, Any]:
        probability = self.random.randrange(1, 100) / 100
        clv = self.random.randrange(0, 40) * 5_000
        return {
            "customer_id": number,
            "churn_probability": probability,
            "churn_percentile": probability * 100,
            "risk_band": "low" if probability < 0.2 else "medium" if probability < 0.5 else "high",
            "clv_minor": clv,
            "clv_low_minor": clv // 2,
            "clv_high_minor": clv * 2,
            "horizon_days": 28,
            "clv_horizon_days": 90,
            "expected_next_purchase_on": DAY + dt.timedelta(days=9) if number % 2 else None,
            "as_of": DAY,
            "scored_at": ago(0.2),
            "valid_until": NOW + dt.timedelta(days=35),
            "churn_reasons": PREDICTION_REASONS,
            "clv_reasons": PREDICTION_REASONS[:1],
            "revision": number,
            "deleted": number % 25 == 1,
            "run_id": RUN,
            "external_id": external_id(number),
            "shared": True,
        }

    def tiers(self, number: int, policy: int | None) -> list[dict[str, Any]]:
        shared: dict[str, Any] = {
            "customer_id": number,
            "policy_version_id": policy,
            "run_id": RUN,
            "inputs": {},
            "reasons": [condition("tier.condition_met", "clv", 15_000, 22_000)],
        }
        key = TIERS[number % 5]
        gap = {"tier": TIERS[number % 5 - 1], "conditions": [GAP]} if number % 5 else None
        past = {"tier_key": "bronze", "since": DAY - dt.timedelta(days=90), "ended_on": DAY}
        now = {"tier_key": key, "since": DAY, "ended_on": None, "gap_to_next": gap}
        present = [shared | now] if number % 7 else []
        return [shared | past | {"gap_to_next": None}, *present] if number % 3 == 0 else present

    def stays(self, number: int) -> list[dict[str, Any]]:
        keys = [key for place, key in enumerate(sorted(self.segments)) if number % (place + 2) == 0]
        return [
            {
                "segment_id": self.segments[key],
                "customer_id": number,
                "entered_on": DAY,
                "left_on": DAY if number % 13 == 0 else None,
                "cause": {
                    "segment": key,
                    "reasons": [condition("segment.condition_met", "recency_days", 90, 120)],
                },
                "run_id": RUN,
            }
            for key in keys
        ]

    def advice(self, number: int) -> list[dict[str, Any]]:
        return [
            {
                "customer_id": number,
                "priority": place + 1,
                "strategy_id": self.strategies[(number + place) % len(self.strategies)],
                "expected_gain_minor": 1_000 - 100 * place,
                "reasons": [condition("strategy.condition_met", "churn_probability", 0.5, 0.6)],
                "run_id": RUN,
            }
            for place in range(4 if number % 10 else 0)
        ]


PREDICTION_REASONS = [
    {"code": "recency_days", "value": 45.0, "effect": 0.61},
    {"code": "order_count", "value": 3.0, "effect": -0.2},
]
GAP = {"field": "clv", "op": "gte", "current": 22_000, "needed": 45_000}


def condition(code: str, field: str, threshold: float, value: float) -> dict[str, Any]:
    params = {"field": field, "op": "gte", "threshold": threshold, "value": value}
    return {"code": code, "params": params}
