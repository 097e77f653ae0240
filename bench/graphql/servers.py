"""Both servers in processes of their own, as they run in production, and what they cost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from api.web.node import environment as node_environment
from api.web.node import node_binaries, run_node

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
POOL = 8
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Server:
    name: str
    process: int
    port: int
    path: str
    headers: str


def install_postgraphile(folder: Path) -> Path:
    """PostGraphile in a folder that is kept, so that a second run needs no network."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "server.mjs"):
        (folder / name).write_bytes((HERE / name).read_bytes())
    if not (folder / "node_modules/postgraphile/package.json").exists():
        options = "--ignore-scripts --package-lock=false --no-audit --no-fund --no-progress"
        run_node(["npm", "install", *options.split()], folder, "Installing PostGraphile")
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def echelon(url: str, key: str, folder: Path) -> Iterator[Server]:
    """`echelon serve` as users run it, with one process; only the rate limit is raised."""
    port = free_port()
    environment = os.environ | {
        "ECHELON_DATABASE_URL": url,
        "ECHELON_DATA_DIR": str(folder),
        "ECHELON_SECRET_KEY": "a secret for measuring, of no use to anyone",
        "ECHELON_PORT": str(port),
        "ECHELON_POINTS_PER_SECOND": "1e9",
        "ECHELON_POINTS_AT_ONCE": "1e9",
    }
    command = [sys.executable, "-m", "api.cli", "serve"]
    with _running(command, environment, folder, port) as process:
        yield Server("echelon", process, port, "/graphql", f"Authorization: Bearer {key}\r\n")


@contextmanager
def postgraphile(url: str, folder: Path) -> Iterator[Server]:
    port, node = free_port(), node_binaries()
    parsed = make_url(url)
    query = f"?host={parsed.query['host']}" if "host" in parsed.query else ""
    plain = f"postgres://{parsed.username}:@{parsed.host or ''}/{parsed.database}{query}"
    command = [str(node / "node"), "server.mjs", plain, str(port), str(POOL)]
    environment = node_environment(node) | {
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }
    with _running(command, environment, folder, port) as process:
        yield Server("postgraphile", process, port, "/graphql", "")


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], folder: Path, port: int
) -> Iterator[int]:
    log = folder / f"{port}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own words
            command,
            env=environment,
            cwd=folder if "server.mjs" in command else None,
            stdout=said,
            stderr=said,
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[:3]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(*roots: int) -> float:
    """Processor time of these processes and all below them, those that have ended included."""
    children: dict[int, list[int]] = {}
    spent: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        number = int(entry.name)
        children.setdefault(int(fields[1]), []).append(number)
        spent[number] = sum(map(int, fields[11:15]))  # with the children it has waited for
    total, waiting = 0, list(roots)
    while waiting:
        number = waiting.pop()
        total += spent.get(number, 0)
        waiting += children.get(number, ())
    return total / TICKS
