"""A live server of a bench's own, over the small business that the tests know row by row."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from api.app import utc_now
from api.db.engine import make_engine
from api.db.keys import create_key
from api.db.schema import upgrade
from api.settings import Settings
from tests.api.seed import Seeder
from tests.conftest import TEST_SECRET

START_SECONDS = 60.0
CUSTOMERS = 60
LOG = "log"


@dataclass(frozen=True)
class Live:
    """Where to ask, with which key, and where the server writes its log, if we know."""

    url: str
    key: str
    log: Path | None = None


@contextmanager
def live_server(scopes: Sequence[str], database_url: str = "") -> Iterator[Live]:
    """Seed a database and serve it."""
    with tempfile.TemporaryDirectory(prefix="echelon-live-") as folder:
        url = database_url or f"sqlite:///{Path(folder) / 'echelon.db'}"
        engine = make_engine(url)
        upgrade(engine, Settings(database_url=url))
        Seeder(engine, TEST_SECRET.encode(), CUSTOMERS).run()
        key = create_key(engine, "bench", scopes, None, utc_now)
        engine.dispose()
        with served(url, Path(folder)) as address:
            yield Live(f"{address}/graphql", key, Path(folder) / LOG)


@contextmanager
def served(url: str, folder: Path) -> Iterator[str]:
    """Serve a database by `echelon serve` in a process of its own, without a rate limit.

    Yields its address; `log` in the folder has what it says.
    """
    port, log = free_port(), folder / LOG
    settings = {"DATABASE_URL": url, "SECRET_KEY": TEST_SECRET, "DATA_DIR": str(folder)}
    settings |= {"POINTS_PER_SECOND": "0", "NOTICE_SECONDS": "0"}
    environment = os.environ | {f"ECHELON_{name}": value for name, value in settings.items()}
    with log.open("wb") as written:
        child = subprocess.Popen(  # noqa: S603 - our own words only
            [sys.executable, "-m", "api.cli", "serve", "--port", str(port)],
            env=environment,
            stdout=written,
            stderr=written,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            await_ready(child, address, log)
            yield address
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_ready(child: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/health/live", timeout=5):  # noqa: S310 - an address of ours
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"The server did not start. It said:\n{log.read_text()[-2000:]}")
