"""What mining reads of the database: names for ids, and who belongs to what now."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from sqlalchemy import Engine, select

from api.db.models import (
    Customer,
    CustomerProfile,
    Product,
    RefreshRun,
    Segment,
    SegmentMembership,
    TierAssignment,
)
from api.errors import NotFound

Division = Literal["tier", "segment", "lifecycle"]


def published_as_of(engine: Engine) -> dt.date | None:
    """The day of the last refresh."""
    with engine.connect() as connection:
        newest = select(RefreshRun.as_of).order_by(RefreshRun.id.desc()).limit(1)
        return connection.execute(newest).scalar()


def customer_names(engine: Engine) -> dict[int, str]:
    """External ids by our own."""
    with engine.connect() as connection:
        rows = connection.execute(select(Customer.id, Customer.external_id))
        return {row.id: row.external_id for row in rows}


def customer_id_of(engine: Engine, external_id: str) -> int:
    """
    Raises:
        NotFound: nobody has that external id.
    """
    with engine.connect() as connection:
        found = connection.execute(
            select(Customer.id).where(Customer.external_id == external_id)
        ).scalar()
    if found is None:
        raise NotFound("There is no customer with that id: give the id of your own systems.")
    return found


def product_names(engine: Engine) -> dict[int, tuple[str, str]]:
    """External id and name by our own id; the external id again where there is no name."""
    with engine.connect() as connection:
        rows = connection.execute(select(Product.id, Product.external_id, Product.name))
        return {row.id: (row.external_id, row.name or row.external_id) for row in rows}


def members_of(engine: Engine, division: Division) -> dict[str, list[int]]:
    """Customers by the tier, segment or lifecycle stage they are published in, by key."""
    match division:
        case "tier":
            query = select(TierAssignment.tier_key, TierAssignment.customer_id).where(
                TierAssignment.ended_on.is_(None)
            )
        case "segment":
            query = (
                select(Segment.key, SegmentMembership.customer_id)
                .join(Segment, Segment.id == SegmentMembership.segment_id)
                .where(SegmentMembership.left_on.is_(None))
            )
        case "lifecycle":
            query = select(CustomerProfile.lifecycle_stage, CustomerProfile.customer_id)
    found: dict[str, list[int]] = {}
    with engine.connect() as connection:
        for key, customer in connection.execute(query):
            found.setdefault(key, []).append(customer)
    return dict(sorted(found.items()))
