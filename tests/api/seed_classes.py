"""Classes of the seeded customers, as a refresh would publish them, with some changes and words."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, insert, select, update

from api.db.field_values import column_from_values
from api.db.models import (
    ClassChange,
    Classification,
    Customer,
    CustomerProfile,
    Override,
    PurchaseIntent,
)
from api.db.rules import customer_source, field_column
from api.domain.classes import OWN_COLUMNS, Circumstances, Classified, classify
from api.domain.fields import FIELDS
from api.domain.personal_data import PersonalDataCipher
from tests.api.seed import DAY, RUN
from tests.api.seed_facts import BATCH, ago, external_id
from tests.conftest import TEST_SECRET
from tests.domain.customers import shipped_classes, with_all_measures

BEGAN = DAY - dt.timedelta(days=60)
MOVED = DAY - dt.timedelta(days=10)
BY_HAND = 3
"""Customer whose value class somebody set to high."""
TABLES = ("customer_profiles", "predictions")


def published_columns(engine: Engine) -> tuple[list[int], dict[str, Any]]:
    """Who has a profile, and what classes read of them."""
    read = [
        field
        for field in FIELDS.values()
        if field.table in TABLES and field.name not in OWN_COLUMNS
    ]
    with engine.connect() as connection:
        rows = connection.execute(
            select(Customer.id, *(field_column(field) for field in read))
            .select_from(customer_source())
            .where(CustomerProfile.customer_id.is_not(None))
            .order_by(Customer.id)
        ).all()
    columns = {
        field.name: column_from_values([row[place] for row in rows], field, ZoneInfo("UTC"))
        for place, field in enumerate(read, start=1)
    }
    return [row[0] for row in rows], with_all_measures(columns)


def seed_classes(engine: Engine) -> Classified:
    spend = CustomerProfile.net_spend_365d_minor
    with engine.begin() as connection:
        connection.execute(
            update(CustomerProfile).values(
                order_count_365d=CustomerProfile.order_count,
                order_count_84d=CustomerProfile.order_count / 2,
                margin_365d_minor=spend / 10,
                profiled_on=BEGAN,
            )
        )
    ids, columns = published_columns(engine)
    found = classify(shipped_classes(), columns, Circumstances(DAY, 28))
    with engine.begin() as connection:
        _publish(connection, ids, found)
        connection.execute(insert(ClassChange), [_change(customer) for customer in ids[:12]])
        connection.execute(insert(PurchaseIntent), [_intent(customer) for customer in ids[:2]])
        connection.execute(insert(Override), [_override()])
    return found


def _publish(connection: Connection, ids: list[int], found: Classified) -> None:
    """The cut-offs and counts of each classification, and the classes of each customer."""
    for each in shipped_classes():
        drawn = {"cutoffs": found.cutoffs[each.key], "counts": found.counts(each)}
        connection.execute(
            update(Classification)
            .where(Classification.key == each.key)
            .values(as_of=DAY, decided_on=BEGAN, **drawn)
        )
    for place, customer in enumerate(ids):
        classes = {
            each.key: each.values[found.codes[each.key][place]].key
            for each in shipped_classes()
            if each.key not in OWN_COLUMNS and found.codes[each.key][place] >= 0
        }
        if customer == BY_HAND:
            classes["value_class"] = "high"
        connection.execute(
            update(CustomerProfile)
            .where(CustomerProfile.customer_id == customer)
            .values(classes=classes)
        )


def _change(customer: int) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "classification": "activity" if customer % 2 else "clv_class",
        "changed_on": MOVED,
        "previous": "active" if customer % 2 else None,
        "current": "dormant" if customer % 2 else "low",
        "run_id": RUN,
    }


def _intent(customer: int) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "stated_at": ago(5),
        "intent": "refused",
        "expected_on": None,
        **{
            f"{name}_encrypted": PersonalDataCipher(TEST_SECRET.encode()).encrypt(
                name, external_id(customer), text
            )
            for name, text in (("refusal_reason", "Too dear"), ("wanted_feature", "Smaller packs"))
        },
        "batch_id": BATCH,
    }


def _override() -> dict[str, Any]:
    return {
        "customer_id": BY_HAND,
        "kind": "class",
        "classification": "value_class",
        "value": "high",
        "reason": "A friend of the house",
        "author": "support",
        "created_at": ago(2),
        "starts_on": DAY - dt.timedelta(days=2),
        "expires_on": DAY + dt.timedelta(days=90),
    }
