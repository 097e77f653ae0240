"""Hostile requests, each with the CPU time until it is refused and the code it gets.

    python -m bench.refusals

From the body's bytes to the refusal, as the endpoint does it, the best of five in one process; the
bar is 50 milliseconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from api.errors import EchelonError
from api.graphql.execution import Executor, Outcome
from api.graphql.schema import executable_schema
from api.graphql.transport import Refusal, parse_request
from tests.api.hostile import BODIES, DOCUMENTS

BAR_MILLISECONDS = 50.0


def bodies() -> Mapping[str, bytes]:
    written = {
        name: json.dumps({"query": document, "variables": variables}).encode()
        for name, (document, variables, _code) in DOCUMENTS.items()
    }
    return {**written, **BODIES}


def refused_with(executor: Executor, body: bytes) -> str:
    """The code; raises where a request is not refused."""
    try:
        asked = parse_request(body)
    except Refusal as refusal:
        return refusal.code
    outcome: Any = executor.prepare(asked.query, asked.variables, introspection=True)
    if not isinstance(outcome, Outcome):
        raise SystemExit(f"{asked.query[:60]!r} was not refused.")
    error = outcome.errors[0]
    return error.code if isinstance(error, EchelonError) else outcome.code


def main() -> None:
    executor = Executor(executable_schema())
    executor.prepare("{ __typename }", {}, introspection=True)
    worst = 0.0
    for name, body in bodies().items():
        best = float("inf")
        for _ in range(5):
            started = time.process_time()
            code = refused_with(executor, body)
            best = min(best, (time.process_time() - started) * 1000)
        worst = max(worst, best)
        print(f"{best:8.2f} ms  {len(body):8,} bytes  {code:26}  {name}")
    print(f"{len(bodies())} kinds, the dearest takes {worst:.1f} ms of CPU")
    raise SystemExit(int(worst > BAR_MILLISECONDS))


if __name__ == "__main__":
    main()
