"""Exports read into plain rows, and the feed as it tells the same."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from tests.api.conftest import Api

PATH = "/exports/risk-scores."
FORMATS = ("ndjson", "arrow", "parquet")
FIELDS = """customerId externalId churnProbability churnPercentile riskBand clv horizonDays asOf
    scoredAt validUntil modelVersion revision deleted reasons { code value effect }"""


async def export(
    api: Api, kind: str, key: str | None = "partner", method: str = "GET", **query: Any
) -> httpx.Response:
    headers = {"Accept-Encoding": "identity"}
    if key is not None:
        headers["Authorization"] = f"Bearer {api.keys[key]}"
    return await api.client.request(method, f"{PATH}{kind}", params=query, headers=headers)


def rows_of(kind: str, content: bytes) -> list[dict[str, Any]]:
    """As `riskScores` tells them, without cursors."""
    if kind == "ndjson":
        rows = [json.loads(line) for line in content.decode().splitlines()]
        return [{name: row[name] for name in row if name != "cursor"} for row in rows]
    table = (
        pa.ipc.open_stream(content).read_all()
        if kind == "arrow"
        else pq.read_table(io.BytesIO(content))
    )
    rows = table.to_pylist()
    for row in rows:
        row |= {name: row[name].isoformat() for name in ("asOf", "scoredAt", "validUntil")}
        row["reasons"] = json.loads(row["reasons"])
    return rows


async def feed(api: Api, after: str | None = None, more: str = "") -> tuple[list[Any], str]:
    """Everything the feed tells after a cursor, and where to go on."""
    found: list[Any] = []
    while True:
        position = f', after: "{after}"' if after else ""
        document = (
            f"{{ riskScores(first: 20{position}{more}) {{ edges {{ node {{ {FIELDS} }} }} "
            "pageInfo { hasNextPage endCursor } } }"
        )
        page = (await api.ask(document, "partner"))["riskScores"]
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found, str(after)
