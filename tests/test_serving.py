"""`echelon serve` as a process: it ends without breaking off what it has taken on."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.cli.serve import require_database_for
from api.errors import InvalidInput
from api.serving import refuse_connections
from bench.drain import Client
from bench.server import Installation, Server
from tests.api.conftest import seed
from tests.conftest import TEST_SECRET


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def place(engine: Engine, database_url: str, tmp_path: Path) -> Installation:
    keys = seed(engine, 20)
    settings = {"ECHELON_SECRET_KEY": TEST_SECRET, "ECHELON_NOTICE_SECONDS": "1"}
    folder = tmp_path / "var"
    folder.mkdir()
    return Installation(database_url, folder, [keys["frontend"]], settings)


@pytest.fixture
def server(place: Installation) -> Iterator[Server]:
    workers = 2 if place.url.startswith("postgresql") else 1
    server = Server(place, free_port(), workers)
    server.wait_until_ready()
    yield server
    server.stop()


def test_no_request_is_broken_off_and_the_end_is_announced(
    server: Server, place: Installation
) -> None:
    client = Client(server.port, place.keys[0])
    states: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                client.ask()
            except ConnectionRefusedError:
                return

    def probe() -> None:
        while not stop.is_set():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
                connection.request("GET", "/health/ready")
                states.append(connection.getresponse().status)
                connection.close()
            except OSError:
                return
            time.sleep(0.05)

    client.retry_seconds = 0.0
    threads = [threading.Thread(target=each) for each in (ask, probe)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    server.tell()
    assert server.ended() == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert client.counts["answered"] > 0
    assert {name for name in client.counts if name.startswith(("broken", "status"))} == set()
    assert states[0] == 200
    assert states[-1] == 503


def test_a_second_signal_ends_at_once(server: Server, place: Installation) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port))
    head = f"POST /graphql HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer {place.keys[0]}\r\n"
    # A body that does not come keeps the server from ending by itself for ten seconds.
    connection.sendall(
        f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n".encode()
    )
    time.sleep(0.3)
    server.tell()
    time.sleep(0.5)
    started = time.monotonic()
    server.tell(signal.SIGINT)
    server.ended(8)
    assert time.monotonic() - started < 8
    connection.close()


def test_websockets_are_not_answered(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "graphql-transport-ws",
    }
    connection.request("GET", "/graphql", headers=upgrade)
    answer = connection.getresponse()
    assert answer.status != 101
    assert answer.getheader("upgrade") is None
    connection.close()


def test_several_workers_need_postgresql() -> None:
    with pytest.raises(InvalidInput, match="ECHELON_DATABASE_URL"):
        require_database_for(2, "sqlite:////folder/echelon.db")
    require_database_for(1, "sqlite:////folder/echelon.db")
    require_database_for(4, "postgresql://localhost/echelon")


def test_who_is_in_the_queue_is_not_lost_when_no_more_are_let_in() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = listener.getsockname()
        early = socket.create_connection(address)
        early.sendall(b"here")
        refuse_connections(listener)
        late = socket.socket()
        late.settimeout(0.3)
        with pytest.raises(TimeoutError):
            late.connect(address)
        taken, _ = listener.accept()
        assert taken.recv(4) == b"here"
        for each in (early, late, taken):
            each.close()
