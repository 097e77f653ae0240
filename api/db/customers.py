"""Customers as they are asked for: by id, by filter and order, with what hangs on each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select

from api.db.listings import Asked, Listed, list_count, list_page
from api.db.models import (
    AttributeDefinition,
    Customer,
    CustomerAttribute,
    CustomerNameToken,
    CustomerProfile,
    Prediction,
    TierAssignment,
)
from api.db.pages import Page
from api.db.snapshots import Query, Record, Snapshot

COLUMNS = (
    Customer.id,
    Customer.external_id,
    Customer.kind,
    Customer.known_at,
    Customer.industry,
    Customer.region,
    Customer.owner,
    Customer.version,
    Customer.name_encrypted,
    Customer.email_encrypted,
    Customer.phone_encrypted,
)

CUSTOMERS = Listed(
    {
        "clv": Prediction.__table__.c.clv_minor,
        "churn_probability": Prediction.__table__.c.churn_probability,
        "recency_days": CustomerProfile.__table__.c.recency_days,
        "net_spend": CustomerProfile.__table__.c.net_spend_minor,
        "order_count": CustomerProfile.__table__.c.order_count,
        "external_id": Customer.__table__.c.external_id,
        "owner": Customer.__table__.c.owner,
        "known_since": Customer.__table__.c.known_at,
    },
    Customer.__table__.c.id,
)
"""What customers can be sorted by; they are filtered by the catalogue of fields."""


def joined(*columns: Any) -> Query:
    """Customers with the three rows that filters and orders read; each exists at most once."""
    return (
        select(*columns)
        .select_from(Customer)
        .outerjoin(Prediction, (Prediction.customer_id == Customer.id) & ~Prediction.deleted)
        .outerjoin(CustomerProfile, CustomerProfile.customer_id == Customer.id)
        .outerjoin(
            TierAssignment,
            (TierAssignment.customer_id == Customer.id) & TierAssignment.ended_on.is_(None),
        )
    )


def visible(snapshot: Snapshot) -> ColumnElement[bool]:
    return snapshot.visible(Customer.__table__.c.id)


async def customer_page(snapshot: Snapshot, asked: Asked) -> Page:
    return await list_page(snapshot, joined(*COLUMNS).where(visible(snapshot)), asked)


async def count_customers(snapshot: Snapshot, asked: Asked) -> int:
    return await list_count(snapshot, joined(Customer.id).where(visible(snapshot)), asked)


async def customers_by_id(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    found = select(*COLUMNS).where(Customer.id.in_(ids), visible(snapshot))
    rows = await snapshot.rows(found)
    return {row.id: row for row in rows}


async def customers_by_external_id(
    snapshot: Snapshot, external_ids: Sequence[str]
) -> Mapping[str, Record]:
    found = select(*COLUMNS).where(Customer.external_id.in_(external_ids), visible(snapshot))
    rows = await snapshot.rows(found)
    return {row.external_id: row for row in rows}


def named(tokens: Sequence[bytes]) -> ColumnElement[bool]:
    """A word of the name has one of these keyed hashes."""
    table = CustomerNameToken
    holders = select(table.customer_id).where(table.token_hash.in_(tokens))
    return Customer.id.in_(holders)


def reached_by(channel: str, hashes: Sequence[bytes]) -> ColumnElement[bool]:
    """The e-mail address or phone number has one of these keyed hashes."""
    column = Customer.email_hash if channel == "email" else Customer.phone_hash
    return func.coalesce(column.in_(hashes), False)


async def attributes_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Sequence[Record]]:
    """The latest value of each attribute."""
    latest = (
        select(
            CustomerAttribute,
            func.row_number()
            .over(
                partition_by=(CustomerAttribute.customer_id, CustomerAttribute.name),
                order_by=CustomerAttribute.valid_from.desc(),
            )
            .label("place"),
        )
        .where(CustomerAttribute.customer_id.in_(ids))
        .subquery("latest")
    )
    statement = (
        select(latest, AttributeDefinition)
        .with_only_columns(
            latest.c.customer_id,
            latest.c.name,
            latest.c.text_value,
            latest.c.number_value,
            latest.c.valid_from,
            AttributeDefinition.value_type,
            AttributeDefinition.sensitive,
            AttributeDefinition.label_en,
            AttributeDefinition.label_zh,
        )
        .join(AttributeDefinition, AttributeDefinition.name == latest.c.name)
        .where(latest.c.place == 1)
        .order_by(latest.c.name)
    )
    return grouped(await snapshot.rows(statement))


async def attribute_definitions(snapshot: Snapshot) -> Sequence[Record]:
    table = AttributeDefinition.__table__
    return await snapshot.rows(select(table).order_by(table.c.name))


async def profiles_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    table = CustomerProfile.__table__
    rows = await snapshot.rows(select(table).where(table.c.customer_id.in_(ids)))
    return {row.customer_id: row for row in rows}


def grouped(rows: Sequence[Record]) -> Mapping[int, Sequence[Record]]:
    """Rows by their `customer_id`, in their order."""
    found: dict[int, list[Record]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(row)
    return found
