"""Stored tier decisions with everything that was stored about how they came about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from api.db.document_versions import document_sha256
from api.db.models import (
    Customer,
    CustomerFinding,
    ModelVersion,
    Override,
    RefreshRun,
    TierAssignment,
    TierPolicyVersion,
)
from api.db.snapshots import Record, Snapshot
from api.domain.tiers.explanations import Hint, PolicyVersion, Run, SetByHand, Stored

Related = Mapping[int, Record]


def held_on(day: dt.date | None) -> Select[Any]:
    """The stays that held at the end of a day, those that last if none is named."""
    table = TierAssignment.__table__
    statement = (
        select(table, Customer.external_id, CustomerFinding.hints)
        .join(Customer, Customer.id == table.c.customer_id)
        .outerjoin(CustomerFinding, CustomerFinding.customer_id == table.c.customer_id)
    )
    if day is None:
        return statement.where(table.c.ended_on.is_(None))
    lasts = or_(table.c.ended_on.is_(None), table.c.ended_on > day)
    return statement.where(table.c.since <= day, lasts)


def of_customers(ids: Sequence[int]) -> Any:
    return TierAssignment.__table__.c.customer_id.in_(ids)


def runs_with(ids: Sequence[int]) -> Select[Any]:
    """Runs with the labels of their models."""
    churn, clv = (ModelVersion.__table__.alias(name) for name in ("churn", "clv"))
    table = RefreshRun.__table__
    return (
        select(
            table.c.id,
            table.c.as_of,
            table.c.published_at,
            churn.c.version.label("churn"),
            clv.c.version.label("clv"),
        )
        .join(churn, churn.c.id == table.c.churn_model_id)
        .join(clv, clv.c.id == table.c.clv_model_id)
        .where(table.c.id.in_(ids))
    )


async def decisions_on(
    snapshot: Snapshot, ids: Sequence[int], day: dt.date | None
) -> Mapping[int, Record]:
    rows = await snapshot.rows(held_on(day).where(of_customers(ids)))
    return {row.customer_id: row for row in rows}


async def runs_by_id(snapshot: Snapshot, ids: Sequence[int]) -> Related:
    return {row.id: row for row in await snapshot.rows(runs_with(ids))}


def run_ids(row: Record) -> list[int]:
    """The runs that wrote a row's two records, the latest first."""
    return [*([] if row.now is None else [int(row.now["run_id"])]), int(row.run_id)]


def policy_ids(row: Record) -> list[int]:
    latest = [] if row.now is None else [int(row.now["policy_version_id"])]
    return [*latest, int(row.policy_version_id)]


def stored_decision(
    row: Record,
    day: dt.date | None,
    runs: Related,
    policies: Related,
    overrides: Sequence[Record],
) -> Stored:
    """What held on a day: the latest record, or before there was it the one of the entry."""
    record: Mapping[str, Any] = dict(row._mapping)
    if row.now is not None:
        latest = runs[int(row.now["run_id"])]
        if day is None or latest.as_of <= day:
            record = row.now
    run = runs[int(record["run_id"])]
    policy = policies[int(record["policy_version_id"])]
    return Stored(
        customer=row.external_id,
        tier=row.tier_key,
        since=row.since,
        until=row.ended_on,
        reasons=record["reasons"],
        inputs=record["inputs"],
        gap=record["gap_to_next"],
        margin=record["margin_to_lower"],
        policy=PolicyVersion(
            policy.key,
            policy.version,
            policy.document,
            document_sha256(policy.document) == policy.sha256,
        ),
        run=Run(run.id, run.as_of, run.published_at, (f"churn/{run.churn}", f"clv/{run.clv}")),
        override=_by_hand(record, run.as_of, overrides),
        hints=tuple(
            Hint(tuple(each["actions"]), each["before"], each["after"]) for each in row.hints or ()
        ),
    )


def _by_hand(
    record: Mapping[str, Any], day: dt.date, overrides: Sequence[Record]
) -> SetByHand | None:
    """The override that decided, if one did."""
    if "_override" not in record["inputs"]:
        return None
    return next(
        (
            SetByHand(each.value, each.reason, each.author, each.expires_on)
            for each in overrides
            if each.kind == "tier"
            and each.starts_on <= day <= each.expires_on
            and (each.ended_on is None or each.ended_on > day)
        ),
        None,
    )


def read_decision(connection: Connection, external_id: str, day: dt.date | None) -> Stored | None:
    """One customer's decision; None where none was taken."""

    def by_id(statement: Select[Any]) -> Related:
        return {row.id: row for row in connection.execute(statement)}

    row = connection.execute(held_on(day).where(Customer.external_id == external_id)).first()
    if row is None:
        return None
    overrides = connection.execute(
        select(Override.__table__)
        .where(Override.customer_id == row.customer_id)
        .order_by(Override.id.desc())
    ).all()
    policies = TierPolicyVersion.__table__
    return stored_decision(
        row,
        day,
        by_id(runs_with(run_ids(row))),
        by_id(select(policies).where(policies.c.id.in_(policy_ids(row)))),
        overrides,
    )
