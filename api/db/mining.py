"""What mining reads of the database, and what it writes there in one transaction."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy import Engine, select

from api.db.bulk import bulk_connection, execute, fetch, merge, stage
from api.db.models import (
    Customer,
    CustomerFinding,
    CustomerProfile,
    MiningRun,
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
                TierAssignment.ended_on.is_(None), TierAssignment.tier_key.is_not(None)
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
            found.setdefault(str(key), []).append(customer)
    return dict(sorted(found.items()))


def last_groups(engine: Engine) -> tuple[dict[str, Any], dict[int, str]] | None:
    """The published groups' document and members, None before there are any."""
    newest = select(MiningRun.groups).order_by(MiningRun.id.desc()).limit(1)
    members = select(CustomerFinding.customer_id, CustomerFinding.group_key).where(
        CustomerFinding.group_key.is_not(None)
    )
    with engine.connect() as connection:
        document = connection.execute(newest).scalar()
        if not document:
            return None
        return document, {row[0]: str(row[1]) for row in connection.execute(members)}


def publish_findings(
    engine: Engine,
    url: str,
    findings: pa.Table,
    groups: Mapping[str, Any],
    *,
    as_of: dt.date,
    now: dt.datetime,
) -> int:
    """Make a run's findings visible at once, in place of the last run's; how many rows changed.

    `findings` has the columns of `CustomerFinding` without the run, JSON as text.
    """
    dialect, runs, table = engine.dialect.name, MiningRun.__table__, CustomerFinding.__table__
    run = pa.table(
        {
            "as_of": pa.array([as_of], pa.date32()),
            "published_at": pa.array([now], pa.timestamp("us", "UTC")),
            "groups": [json.dumps(groups, allow_nan=False)],
        }
    )
    with bulk_connection(url) as connection:
        stage(connection, dialect, "staged_run", runs, run)
        said = "as_of, published_at, groups"
        added = f"INSERT INTO mining_runs ({said}) SELECT {said} FROM staged_run RETURNING id"
        run_id = fetch(connection, added).column(0)[0]
        staged = findings.append_column("run_id", pa.repeat(run_id, findings.num_rows))
        stage(connection, dialect, "staged_findings", table, staged)
        execute(connection, "CREATE UNIQUE INDEX found_once ON staged_findings (customer_id)")
        gone = execute(
            connection,
            "DELETE FROM customer_findings WHERE NOT EXISTS (SELECT 1 FROM staged_findings s "
            "WHERE s.customer_id = customer_findings.customer_id)",
        )
        counts = merge(connection, dialect, "staged_findings", table, ["customer_id"])
        connection.commit()
    return gone + counts.added + counts.changed
