"""The formats of exports, by the endings of their addresses and files."""

from __future__ import annotations

from collections.abc import Mapping

FORMATS: Mapping[str, str] = {
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
CODINGS = ("zstd", "gzip")
"""Content codings of the first two; Parquet is compressed within."""


def coding_for(kind: str, accepted: str) -> str:
    """The content coding that a reader takes, by its name; empty: none."""
    if kind == "parquet":
        return ""
    named = set()
    for part in accepted.lower().split(",")[:20]:
        coding, _, weight = (piece.strip() for piece in part.partition(";"))
        if weight.replace(" ", "").rstrip("0") not in ("q=", "q=0."):
            named.add(coding)
    return next((coding for coding in CODINGS if coding in named), "")
