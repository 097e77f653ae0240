"""A server on a free port of this machine, for what has to be asked from outside."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import pytest
import uvicorn
from starlette.types import ASGIApp

from api.settings import Settings
from api.wire import Protocol


@dataclass(frozen=True)
class Site:
    """A served application and the keys that open it."""

    address: str
    keys: dict[str, str]


def lacking(what: str) -> NoReturn:
    """A developer's machine may lack something; the one that checks changes may not."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def unhurried(settings: Settings) -> Settings:
    """The same without a rate limit: for those who ask faster than people do."""
    return settings.model_copy(update={"points_per_second": 0.0})


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve `app` by a real uvicorn, set as `echelon serve` sets it; yields its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=Protocol, ws="none", server_header=False, access_log=False, log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    try:
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the test's server did not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
