"""The whole customer base in numbers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select

from api.db.models import (
    Customer,
    CustomerProfile,
    Prediction,
    RefreshRun,
    Segment,
    SegmentMembership,
    TierAssignment,
)
from api.db.snapshots import Record, Snapshot


async def totals(snapshot: Snapshot) -> Record:
    """Counts and sums over everyone who may be seen; money in minor units."""
    latest = select(func.max(RefreshRun.as_of)).scalar_subquery()
    customers = select(func.count(Customer.id)).where(_visible(snapshot)).scalar_subquery()
    revenue = (
        select(func.coalesce(func.sum(CustomerProfile.net_spend_365d_minor), 0))
        .where(snapshot.visible(CustomerProfile.__table__.c.customer_id))
        .scalar_subquery()
    )
    statement = select(
        latest.label("as_of"),
        customers.label("customers"),
        revenue.label("revenue_minor"),
        func.count(Prediction.customer_id).label("scored"),
        func.coalesce(func.sum(Prediction.clv_minor), 0).label("clv_minor"),
        func.coalesce(
            func.sum(Prediction.clv_minor).filter(Prediction.risk_band == "high"), 0
        ).label("clv_at_risk_minor"),
        func.avg(Prediction.churn_probability).label("mean_churn"),
    ).where(~Prediction.deleted, snapshot.visible(Prediction.__table__.c.customer_id))
    return (await snapshot.rows(statement))[0]


def _visible(snapshot: Snapshot) -> ColumnElement[bool]:
    return snapshot.visible(Customer.__table__.c.id)


_SHARES = (
    func.count(Customer.id).label("customers"),
    func.coalesce(func.sum(Prediction.clv_minor), 0).label("clv_minor"),
    func.avg(Prediction.churn_probability).label("mean_churn"),
)
_SCORED = (Prediction.customer_id == Customer.id) & ~Prediction.deleted


async def by_tier(snapshot: Snapshot) -> Sequence[Record]:
    statement = (
        select(TierAssignment.tier_key.label("key"), *_SHARES)
        .select_from(TierAssignment)
        .join(Customer, Customer.id == TierAssignment.customer_id)
        .outerjoin(Prediction, _SCORED)
        .where(TierAssignment.ended_on.is_(None), TierAssignment.tier_key.is_not(None))
        .where(_visible(snapshot))
        .group_by(TierAssignment.tier_key)
        .order_by(TierAssignment.tier_key)
    )
    return await snapshot.rows(statement)


async def by_segment(snapshot: Snapshot) -> Sequence[Record]:
    statement = (
        select(Segment.key.label("key"), *_SHARES)
        .select_from(SegmentMembership)
        .join(Segment, Segment.id == SegmentMembership.segment_id)
        .join(Customer, Customer.id == SegmentMembership.customer_id)
        .outerjoin(Prediction, _SCORED)
        .where(SegmentMembership.left_on.is_(None), _visible(snapshot))
        .group_by(Segment.key)
        .order_by(Segment.key)
    )
    return await snapshot.rows(statement)


async def by_risk_band(snapshot: Snapshot) -> Sequence[Record]:
    statement = (
        select(Prediction.risk_band.label("key"), *_SHARES)
        .select_from(Prediction)
        .join(Customer, Customer.id == Prediction.customer_id)
        .where(~Prediction.deleted, _visible(snapshot))
        .group_by(Prediction.risk_band)
        .order_by(func.avg(Prediction.churn_probability))
    )
    return await snapshot.rows(statement)
