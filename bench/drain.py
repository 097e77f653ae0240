"""SIGTERM under load, again and again, with a new server each time: is any request broken?

    python -m bench.drain [--database sqlite|postgresql] [--rounds 20] [--workers N]

Clients behave as a proxy does: they keep connections, and try again where a connection is refused,
as nothing was sent then. Everything else that is no whole answer counts as broken.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import time
from collections import Counter
from multiprocessing.synchronize import Event
from typing import Any

from bench.server import DATABASES, Installation, Server, installation

CLIENTS = 6
DOCUMENT = """{ customers(first: 10) { edges { node { externalId tier { tier }
  prediction { clv } segments { key } } } } }"""
RETRY_SECONDS = 240.0


class Client:
    """One that keeps its connection for as long as it is let."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None
        self.counts: Counter[str] = Counter()
        self.retry_seconds = RETRY_SECONDS

    def ask(self) -> None:
        connection = self._connect()
        try:
            body = json.dumps({"query": DOCUMENT})
            connection.request("POST", "/graphql", body, self._headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.counts[f"broken: {type(error).__name__}"] += 1
            self._drop()
            return
        complete = answer.status == 200 and "errors" not in content
        self.counts["answered" if complete else f"status {answer.status}"] += 1
        if answer.will_close:
            self._drop()

    def _connect(self) -> http.client.HTTPConnection:
        """A connection, new or kept; a refused one is tried again."""
        deadline = time.monotonic() + self.retry_seconds
        while self._connection is None:
            made = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            try:
                made.connect()
            except ConnectionRefusedError:
                self.counts["refused, tried again"] += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                self._connection = made
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def load(port: int, key: str, until: Event, results: Any) -> None:
    client = Client(port, key)
    while not until.is_set():
        client.ask()
        time.sleep(0.01)
    results.put(client.counts)


def drained(place: Installation, port: int, rounds: int, workers: int) -> Counter[str]:
    """What became of the requests of all clients over so many restarts."""
    context = multiprocessing.get_context("spawn")
    until, results = context.Event(), context.Queue()
    server = Server(place, port, workers)
    server.wait_until_ready()
    clients = [
        context.Process(target=load, args=(port, place.keys[n % len(place.keys)], until, results))
        for n in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    counts: Counter[str] = Counter()
    try:
        for _ in range(rounds):
            time.sleep(1.0)
            server.tell()
            counts[f"exit code {server.ended()}"] += 1
            server = Server(place, port, workers)
            server.wait_until_ready()
        time.sleep(0.5)
    finally:
        until.set()
        for _ in clients:
            counts += results.get(timeout=60)
        for client in clients:
            client.join()
        server.stop()
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--port", type=int, default=8159)
    asked = parser.parse_args()
    with installation(asked.database) as place:
        place.settings["ECHELON_POINTS_PER_SECOND"] = "0"
        counts = drained(place, asked.port, asked.rounds, asked.workers)
    for name, number in sorted(counts.items()):
        print(f"{number:8,}  {name}")
    broken = sum(n for name, n in counts.items() if name.startswith(("broken", "status")))
    print(f"{asked.rounds} ends under load on {asked.database}: {broken} broken requests")
    raise SystemExit(int(broken > 0 or counts[f"exit code {0}"] != asked.rounds))


if __name__ == "__main__":
    main()
