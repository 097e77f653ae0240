"""All that mining finds, published at once: the use case behind `echelon mine publish`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from api.db.mining import publish_findings
from api.errors import NotReady
from api.mining import Mine
from ml.errors import NotEnoughHistory

if TYPE_CHECKING:
    from ml.mining.groups import Groups

PRODUCTS, CHANNELS = 5, 3
"""So many are stored for each customer."""
Parts = dict[int, list[dict[str, Any]]]


@dataclass(frozen=True)
class FindingsReport:
    """Customers that something was found for, what could not be found, rows that changed."""

    as_of: dt.date
    products: int
    channels: int
    groups: int
    hints: int
    changed: int
    lacking: tuple[str, ...]


def publish_mine(
    mine: Mine,
    *,
    threshold: float,
    clock: Callable[[], dt.datetime],
    progress: Callable[[str], None],
) -> FindingsReport:
    """Find and publish; what can't be told yet is left empty and named in the report."""
    lacking: list[str] = []

    def found(step: str, look: Callable[[], Parts]) -> Parts:
        progress(step)
        try:
            return look()
        except (NotEnoughHistory, NotReady) as reason:
            lacking.append(str(reason))
            return {}

    products = found("Looking for products to offer", lambda: _products(mine))
    channels = found("Looking for channels", lambda: _channels(mine))
    hints = found("Trying what helps", lambda: _hints(mine, threshold))
    progress("Looking for groups")
    groups: Groups | None = None
    try:
        groups = mine.groups(count=None, seed=0)
    except NotEnoughHistory as reason:
        lacking.append(str(reason))
    members = groups.members if groups else {}
    progress("Publishing")
    table = _table(products, channels, hints, members)
    document = _document(groups) if groups else {}
    url = mine.settings.resolved_database_url
    changed = publish_findings(mine.engine, url, table, document, as_of=mine.day, now=clock())
    return FindingsReport(
        mine.day, len(products), len(channels), len(members), len(hints), changed, tuple(lacking)
    )


def _products(mine: Mine) -> Parts:
    parts: Parts = {}
    for row in mine.product_table(top=PRODUCTS).to_pylist():
        reason = json.loads(row["reason"])
        parts.setdefault(row["customer_id"], []).append(
            {"product_id": row["product_id"], "probability": row["score"], **reason}
        )
    return parts


def _channels(mine: Mine) -> Parts:
    parts: Parts = {}
    for row in mine.channel_table(top=CHANNELS).to_pylist():
        evidence = json.loads(row["evidence"])
        parts.setdefault(row["customer_id"], []).append(
            {"channel": row["channel"], "score": row["score"], **evidence}
        )
    return parts


def _hints(mine: Mine, threshold: float) -> Parts:
    parts: Parts = {}
    for hint in mine.found_hints(threshold=threshold):
        parts.setdefault(hint.customer_id, []).append(
            {
                "actions": list(hint.actions),
                "before": round(hint.before, 6),
                "after": round(hint.after, 6),
            }
        )
    return parts


def _table(products: Parts, channels: Parts, hints: Parts, members: Mapping[int, str]) -> pa.Table:
    ids = sorted({*products, *channels, *hints, *members})
    columns = {
        name: [json.dumps(parts.get(each, [])) for each in ids]
        for name, parts in (("products", products), ("channels", channels), ("hints", hints))
    }
    return pa.table(
        {
            "customer_id": pa.array(ids, pa.int64()),
            "group_key": pa.array([members.get(each) for each in ids], pa.string()),
            **{name: pa.array(texts, pa.string()) for name, texts in columns.items()},
        }
    )


def _document(groups: Groups) -> dict[str, Any]:
    """What the next run carries on from, and the names that people read."""
    names = {
        group.key: {"en": group.name("en"), "zh": group.name("zh"), "customers": group.size}
        for group in groups.groups
    }
    return {**groups.to_document(), "names": names}
