"""A reader of exports that throws everything away, and one that compares every row."""

from __future__ import annotations

import io
import json
import resource
import socket
import time
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

BUFFER = 1 << 20
TAIL = b"0\r\n\r\n"
FIELDS = (
    "customerId externalId churnProbability churnPercentile riskBand clv horizonDays asOf scoredAt "
    "validUntil modelVersion revision deleted reasons { code value effect }"
)


def read_all(port: int, key: str, kind: str, query: str) -> dict[str, Any]:
    """Read one export to its end; fails if it was broken off."""
    request = (
        f"GET /exports/risk-scores.{kind}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    )
    buffer, size, first, head, tail = bytearray(BUFFER), 0, 0.0, b"", b""
    used = _cpu()
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request.encode())
        view = memoryview(buffer)
        while count := connection.recv_into(buffer):
            if not size:
                first = time.perf_counter() - started
                head = bytes(view[:count])
            size += count
            tail = (tail + bytes(view[max(count - 5, 0) : count]))[-5:]
    seconds = time.perf_counter() - started
    lines = head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if " 200 " not in lines[0] or tail != TAIL:
        raise SystemExit(f"{lines[0]}: {head[-300:]!r}")
    return {
        "rows": int(headers["echelon-row-count"]),
        "bytes": size,
        "seconds": seconds,
        "first_byte": first,
        "reader_cpu": _cpu() - used,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def compared(port: int, key: str) -> dict[str, Any]:
    """Compare the formats with `riskScores`, row for row."""
    headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=600) as client:
        feed = list(_feed(client))
        files = {kind: client.get(f"/exports/risk-scores.{kind}") for kind in ("ndjson", "arrow")}
        files["parquet"] = client.get("/exports/risk-scores.parquet")
    lines = [json.loads(line) for line in files["ndjson"].text.splitlines()]
    for line in lines:
        line.pop("cursor")
    arrow = pa.ipc.open_stream(files["arrow"].content).read_all().to_pylist()
    parquet = pq.read_table(io.BytesIO(files["parquet"].content)).to_pylist()
    for name, found in (("ndjson", lines), ("arrow", _plain(arrow)), ("parquet", _plain(parquet))):
        if found != feed:
            raise SystemExit(f"{name} differs from the feed")
    return {"rows": len(feed)}


def _feed(client: httpx.Client) -> Any:
    after = "null"
    while True:
        query = f"{{ riskScores(first: 5000, after: {after}) {{ edges {{ node {{ {FIELDS} }} }} "
        query += "pageInfo { hasNextPage endCursor } } }"
        answer = client.post("/graphql", json={"query": query})
        if answer.status_code == 429:
            time.sleep(float(answer.headers["retry-after"]))
            continue
        page = answer.json()["data"]["riskScores"]
        yield from (edge["node"] for edge in page["edges"])
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = json.dumps(page["pageInfo"]["endCursor"])


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Days and moments as GraphQL writes them; reasons out of their JSON."""
    for row in rows:
        for name in ("asOf", "scoredAt", "validUntil"):
            row[name] = row[name].isoformat()
        row["reasons"] = json.loads(row["reasons"])
    return rows
