"""What a request goes by, in its answer, its lines in the log, its trace and the audit log."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from uuid import uuid4

GIVEN = re.compile(r"[0-9A-Za-z-]{16,64}")
"""UUIDs, ULIDs, hashes; never a key of ours, which has underscores, nor an e-mail address."""
TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
OPERATION = re.compile(r"[A-Za-z_][0-9A-Za-z_]{0,79}")


def request_id(headers: Mapping[str, str]) -> str:
    """The id that the caller gave, or that of its trace (W3C), or a new one."""
    given = headers.get("x-request-id", "")
    if GIVEN.fullmatch(given):
        return given
    trace = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return trace[1] if trace else uuid4().hex


def operation_name(name: str | None) -> str | None:
    """An operation's name, if it can be one: a request may send any text for it."""
    return name if name is not None and OPERATION.fullmatch(name) else None


def document_hash(query: str) -> str:
    """What a document goes by in logs, traces and the audit log, which never hold its text."""
    return hashlib.sha256(query.encode()).hexdigest()[:16]
