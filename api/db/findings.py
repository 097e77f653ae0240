"""What mining found about customers, as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from api.db.models import CustomerFinding, MiningRun, Product
from api.db.snapshots import Record, Snapshot


@dataclass(frozen=True)
class Found:
    """A customer's findings, with the products that they name, by id."""

    row: Record
    products: Mapping[int, Record]


async def findings_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Found]:
    """Two statements, whatever is asked for."""
    table = CustomerFinding.__table__
    rows = await snapshot.rows(select(table).where(table.c.customer_id.in_(ids)))
    wanted = {number for row in rows for number in _products_in(row)}
    named = select(Product.id, Product.external_id, Product.name, Product.department).where(
        Product.id.in_(wanted)
    )
    products = {row.id: row for row in await snapshot.rows(named)}
    return {row.customer_id: Found(row, products) for row in rows}


async def group_sizes(snapshot: Snapshot) -> Mapping[str, int]:
    """How many of those who may be seen are in each mined group, by its key."""
    table = CustomerFinding.__table__.c
    rows = await snapshot.rows(
        select(table.group_key, func.count())
        .where(table.group_key.is_not(None), snapshot.visible(table.customer_id))
        .group_by(table.group_key)
    )
    return {row[0]: row[1] for row in rows}


def _products_in(row: Record) -> set[int]:
    found = {each["product_id"] for each in row.products}
    return found | {each["params"].get("product_id", each["product_id"]) for each in row.products}


async def newest_run(snapshot: Snapshot) -> Record | None:
    table = MiningRun.__table__
    newest = select(table.c.as_of, table.c.groups).order_by(table.c.id.desc()).limit(1)
    rows = await snapshot.rows(newest)
    return rows[0] if rows else None
