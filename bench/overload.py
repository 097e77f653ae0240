"""Three times as much as the server can answer: does it still answer what it can, in time?

    python -m bench.overload [--database sqlite|postgresql] [--workers N] [--seconds 60]

First the capacity: as many clients as slots, each asking again as soon as it is answered. Then
requests come three times as fast, whether answered or not, from many connections. Then the capacity
again, as machines that are shared change their speed. Server, database and load generators share
this machine's processors, so the numbers are ratios, not speeds: goodput over the mean of what the
same generators reached before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.http_client import Connection, Reply
from bench.server import DATABASES, Installation, Server, installation

DOCUMENT = """{ customers(first: 20, orderBy: [{field: CLV, direction: DESC}]) {
    edges { node { externalId tier { tier since reasons { code text } }
      prediction { churnProbability clv clvLow clvHigh modelVersion asOf reasons { code text } }
      segments { key } recommendedStrategies(first: 3) { strategy { key } priority } } }
    pageInfo { hasNextPage endCursor } } }"""
GENERATORS = 2
CONNECTIONS = 100
"""Of each generator, at most: who finds none free has asked in vain."""
IDLE_SECONDS = 2.0
PATIENCE_SECONDS = 10.0
BARS = {"goodput": 0.9, "p99": 1.0, "health": 0.5}


@dataclass
class Outcome:
    """What one generator saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[float] = field(default_factory=list)
    """Seconds to each whole answer."""
    health: list[float] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.statuses += other.statuses
        self.accepted += other.accepted
        self.health += other.health


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)] if values else float("nan")


class Generator:
    """Asks from one process; each request has one of the keys in turn."""

    def __init__(self, port: int, keys: list[str]) -> None:
        body = json.dumps({"query": DOCUMENT}).encode()
        self._requests = [
            b"POST /graphql HTTP/1.1\r\nHost: echelon\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
            for key in keys
        ]
        self._port = port
        self._free: list[tuple[Connection, float]] = []
        self._open = 0
        self.seen = Outcome()

    async def closed(self, clients: int, seconds: float) -> Outcome:
        """Each client asks again as soon as it is answered."""
        until = time.perf_counter() + seconds

        async def client(number: int) -> None:
            while time.perf_counter() < until:
                await self._ask(number)
                number += clients

        await asyncio.gather(*(client(number) for number in range(clients)))
        return self.seen

    async def open(self, rate: float, seconds: float) -> Outcome:
        """Requests come at a rate, whatever becomes of them."""
        began, tasks, number = time.perf_counter(), set[asyncio.Task[None]](), 0
        while (passed := time.perf_counter() - began) < seconds:
            while number < passed * rate:
                number += 1
                if self._free or self._open < CONNECTIONS:
                    task = asyncio.create_task(self._ask(number))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                else:
                    self.seen.statuses[0] += 1
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)
        return self.seen

    async def health(self, seconds: float) -> Outcome:
        until = time.perf_counter() + seconds
        request = b"GET /health/ready HTTP/1.1\r\nHost: echelon\r\n\r\n"
        while time.perf_counter() < until:
            connection = await Connection.open(self._port)
            started = time.perf_counter()
            await connection.exchange(request)
            self.seen.health.append(time.perf_counter() - started)
            connection.close()
            await asyncio.sleep(0.1)
        return self.seen

    async def _ask(self, number: int) -> None:
        started = time.perf_counter()
        connection = await self._connect()
        reply: Reply = await connection.exchange(self._requests[number % len(self._requests)])
        self.seen.statuses[reply.status] += 1
        if reply.status == 200:
            if b'"errors"' in reply.body[:200]:
                raise SystemExit(reply.body[:500].decode())
            self.seen.accepted.append(time.perf_counter() - started)
        if reply.keeps:
            self._free.append((connection, time.perf_counter()))
        else:
            self._close(connection)

    async def _connect(self) -> Connection:
        """One that is kept, unless the server is about to close it for being idle; or a new one."""
        while self._free:
            connection, since = self._free.pop()
            if time.perf_counter() - since < IDLE_SECONDS:
                return connection
            self._close(connection)
        self._open += 1
        return await Connection.open(self._port)

    def _close(self, connection: Connection) -> None:
        connection.close()
        self._open -= 1


def generate(
    port: int, keys: list[str], kind: str, amount: float, seconds: float, to: Any, ready: Any
) -> None:
    generator = Generator(port, keys)
    ready.wait()  # to have imported everything costs seconds of both processors
    if kind == "closed":
        to.put(asyncio.run(generator.closed(int(amount), seconds)))
    elif kind == "open":
        to.put(asyncio.run(generator.open(amount, seconds)))
    else:
        to.put(asyncio.run(generator.health(seconds)))


def loaded(place: Installation, port: int, kind: str, amount: float, seconds: float) -> Outcome:
    """What all generators saw, with health asked for beside them from a process of its own."""
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    jobs = [(kind, amount / GENERATORS)] * GENERATORS + [("health", 0.0)]
    ready = context.Barrier(len(jobs))
    processes = [
        context.Process(target=generate, args=(port, place.keys, *job, seconds, results, ready))
        for job in jobs
    ]
    for process in processes:
        process.start()
    total = Outcome()
    for _ in processes:
        total.add(results.get(timeout=seconds + PATIENCE_SECONDS + 60))
    for process in processes:
        process.join()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--port", type=int, default=8158)
    asked = parser.parse_args()
    with installation(asked.database, keys=20) as place:
        place.settings["ECHELON_POINTS_PER_SECOND"] = "0"  # load is to come through to the slots
        server = Server(place, asked.port, asked.workers)
        try:
            server.wait_until_ready()
            measure(place, asked)
        finally:
            server.stop()


def capacity(place: Installation, asked: argparse.Namespace, clients: int) -> float:
    """Answers a second."""
    seconds = min(asked.seconds, 15.0)
    peak = loaded(place, asked.port, "closed", clients, seconds)
    found = len(peak.accepted) / seconds
    print(f"capacity {found:.0f} a second, p99 {percentile(peak.accepted, 0.99):.2f} s", flush=True)
    return found


def measure(place: Installation, asked: argparse.Namespace) -> None:
    clients = 8 * asked.workers
    loaded(place, asked.port, "closed", clients, 3.0)  # everything is imported and remembered
    before = capacity(place, asked, clients)
    seen = loaded(place, asked.port, "open", 3 * before, asked.seconds)
    peak = (before + capacity(place, asked, clients)) / 2
    goodput = len(seen.accepted) / asked.seconds
    found = {
        "goodput": goodput / peak,
        "p99": percentile(seen.accepted, 0.99),
        "health": percentile(seen.health, 0.99),
    }
    print(f"statuses {dict(sorted(seen.statuses.items()))} (0: no connection was free)")
    print(
        f"{asked.database}, {asked.workers} workers, {asked.seconds:g} s at three times that: "
        f"goodput {found['goodput']:.0%}, p99 of accepted {found['p99']:.2f} s, "
        f"health p99 {found['health']:.2f} s"
    )
    held = found["goodput"] >= BARS["goodput"] and all(
        found[name] <= BARS[name] for name in ("p99", "health")
    )
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
