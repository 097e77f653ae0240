"""graphql-http's audits of a GraphQL server, run on a live one.

    python -m bench.audits [--url http://.../graphql --key KEY]

Needs the packages of the TypeScript client: `python -m tests.client.install`. Ends with status 1
if anything fails but what is refused by design.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from api.web.node import run_node
from bench.live import live_server
from tests.client.install import FOLDER, install_packages

REFUSED_BY_DESIGN = {
    "5A70": "GET executes nothing, so it takes no form",
    "D6D5": "GET executes nothing, so it takes no variables",
    "6A70": "GET executes nothing, so it takes no variables",
}
"""Audits of what a server may offer and this one does not, by their ids."""
LEVELS = ("MUST", "SHOULD", "MAY")


@dataclass(frozen=True)
class Audit:
    id: str
    name: str
    passed: bool
    reason: str

    @property
    def level(self) -> str:
        return self.name.split()[0]


def run_audits(url: str, key: str) -> list[Audit]:
    """Every audit's result, in the suite's order."""
    said = run_node([FOLDER / "audits.js", url, key], FOLDER, "Auditing")
    return [
        Audit(each["id"], each["name"], each["status"] == "ok", each.get("reason") or "")
        for each in json.loads(said)
    ]


def counts(audits: list[Audit]) -> dict[str, tuple[int, int]]:
    """How many pass of how many, by level."""
    passed = Counter(each.level for each in audits if each.passed)
    total = Counter(each.level for each in audits)
    return {level: (passed[level], total[level]) for level in LEVELS}


def show(audits: list[Audit]) -> None:
    table = Table("level", "pass", "of")
    for level, (passed, total) in counts(audits).items():
        table.add_row(level, str(passed), str(total))
    console = Console()
    console.print(table)
    for each in audits:
        if not each.passed:
            why = REFUSED_BY_DESIGN.get(each.id, each.reason)
            console.print(f"not passed: {each.id} {each.name}: {why}", soft_wrap=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", help="of a server that runs; without it one is started")
    parser.add_argument("--key", default="", help="may introspect: schema:read")
    chosen = parser.parse_args()
    install_packages()
    if chosen.url:
        audits = run_audits(chosen.url, chosen.key)
    else:
        with live_server(["schema:read"]) as live:
            audits = run_audits(live.url, live.key)
    show(audits)
    failed = {each.id for each in audits if not each.passed}
    raise SystemExit(failed != REFUSED_BY_DESIGN.keys())


if __name__ == "__main__":
    main()
