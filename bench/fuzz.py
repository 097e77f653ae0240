"""Generated documents against a live server: how many cases a field, what came back, how slowly.

    python -m bench.fuzz [--cases 200] [--seed 1 2 3] [--field Query.customers ...]
                         [--database postgresql://... | --url http://.../graphql --key KEY]
                         [--out FILE.jsonl]

Without --url a server is started over the small business that the tests know. A server of your own
should have ECHELON_POINTS_PER_SECOND=0, and a database that may be changed.

Ends with status 1 if any answer was a server's error, a time-out, an error without a code, or
unlike the schema; `--out` gets one line for each such answer, with the request to repeat it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from bench.fuzz_documents import Documents, Request
from bench.fuzz_findings import Tally, codes_of, faults_of, outcome_of
from bench.fuzz_known import known_values
from bench.live import Live, live_server

PATIENCE_SECONDS = 40.0
"""Longer than the server's own limit, so that a time-out here is a server that hangs."""


class Fuzz:
    """Sends requests to one server and keeps what came back."""

    def __init__(self, live: Live, documents: Documents, out: Path | None = None) -> None:
        self._live = live
        self._documents = documents
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {live.key}"}, timeout=PATIENCE_SECONDS
        )
        self.known = known_values(self._client, live.url)
        self._out = out
        self.tallies: dict[str, Tally] = {}

    def field(self, name: str, cases: int, seeds: Sequence[int]) -> Tally:
        """All cases of one root field."""
        for seed in seeds:
            for request in self._documents.requests(name, cases, seed, self.known):
                self._send(request)
        return self.tallies[name]

    def _send(self, request: Request) -> None:
        tally = self.tallies.setdefault(request.field, Tally())
        tally.cases += 1
        started = time.perf_counter()
        body = {"query": request.query, "variables": request.variables}
        try:
            answer = self._client.post(
                self._live.url,
                content=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )
        except httpx.HTTPError as error:
            self._note(request, tally, [f"no answer: {type(error).__name__}"], "")
            return
        tally.slowest = max(tally.slowest, time.perf_counter() - started)
        with suppress(ValueError, AttributeError):
            tally.codes.update(set(codes_of(answer.json())) or {outcome_of(answer.json())})
        faults = list(faults_of(answer, request.query, self._documents.graphql))
        if faults:
            self._note(request, tally, faults, answer.text)

    def _note(self, request: Request, tally: Tally, faults: list[str], answer: str) -> None:
        tally.faults += 1
        if self._out is not None:
            line = {"field": request.field, "faults": faults, "query": request.query}
            line |= {"variables": request.variables, "answer": answer[:2_000]}
            if self._live.log is not None:
                logged = self._live.log.read_text(encoding="utf-8").splitlines()
                line["log"] = [each for each in logged if '"level": "error"' in each][-1:]
            with self._out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def show(tallies: dict[str, Tally]) -> None:
    table = Table("field", "cases", "faults", "slowest, ms", "answers with data or with codes")
    for name, tally in tallies.items():
        codes = ", ".join(f"{code} {n}" for code, n in tally.codes.most_common())
        table.add_row(
            name, str(tally.cases), str(tally.faults), f"{tally.slowest * 1000:.0f}", codes
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=200, help="for each field and seed")
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--field", nargs="+", help="only these, such as Query.customers")
    parser.add_argument("--database", default="", help="an empty one; without it SQLite is used")
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument("--key", default="", help="opens it; with the scope admin")
    parser.add_argument("--out", type=Path, help="a file for the answers that were wrong")
    chosen = parser.parse_args()
    documents = Documents()
    running = nullcontext(Live(chosen.url, chosen.key)) if chosen.url else None
    with running or live_server(["admin"], chosen.database) as live:
        fuzz = Fuzz(live, documents, chosen.out)
        started = time.monotonic()
        for name in chosen.field or documents.fields():
            tally = fuzz.field(name, chosen.cases, chosen.seed)
            print(f"{name}: {tally.cases} cases, {tally.faults} faults", file=sys.stderr)
        show(fuzz.tallies)
    total = sum(tally.cases for tally in fuzz.tallies.values())
    faults = sum(tally.faults for tally in fuzz.tallies.values())
    print(f"{total:,} requests in {time.monotonic() - started:.0f} s: {faults} faults.")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
