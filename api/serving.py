"""Server processes that end without breaking off what they have taken on.

Told to end, a process first says so (`/health/ready` answers 503, each answer closes its
connection) and still takes what comes; then it closes its port, answers what it has taken, and
exits with 0. The application is imported where it is served: who only watches over workers needs
none of it.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
from multiprocessing.context import SpawnProcess
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE

from api.drain import STATE, Drain
from api.metric_files import forget_worker, share_metrics
from api.rates import Buckets
from api.settings import Settings, load_settings
from api.wire import Protocol

SO_ATTACH_FILTER = 26
METRICS = "metrics"
"""The folder in the data folder where workers count together."""
SETTLE_SECONDS = 0.1
"""For what the kernel has taken to reach the process: a few turns of its loop."""
COLLECT_AFTER = 20_000, 20, 20
"""Objects, and rounds of younger ones, before the collector looks for cycles."""
WATCH_SECONDS = 0.1
SHORTEST_LIFE = 1.0
"""A worker that ends sooner is started again after a pause only, not as fast as it can fail."""


class Server(uvicorn.Server):
    """One process; `parent` is given where another process tells it when to end."""

    def __init__(self, config: uvicorn.Config, notice_seconds: float, parent: int | None) -> None:
        super().__init__(config)
        self.drain = Drain()
        self._notice = notice_seconds
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state[STATE] = self.drain
        await super().startup(sockets)
        # What is there now stays, and an answer is made of thousands of objects that are gone soon
        # without the collector: as often as Python has it look, it took a tenth of all time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the name is uvicorn's
        """Once: begin to end. Twice: end at once. Nobody waits for notice who types Ctrl-C.

        A worker leaves Ctrl-C and second signals, which may reach the whole group, to its parent.
        """
        if self._parent is not None:
            if sig == signal.SIGTERM:
                self.drain.begin()
            return
        if self.drain.begun_at is not None:
            os._exit(1)
        self.drain.begin()
        self.should_exit = sig == signal.SIGINT

    async def on_tick(self, counter: int) -> bool:
        if self._parent is not None and os.getppid() != self._parent:
            self.drain.begin()
        return await super().on_tick(counter) or self.drain.has_lasted(self._notice)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.drain.begin()
        for listener in sockets or []:
            refuse_connections(listener)
        await asyncio.sleep(SETTLE_SECONDS)
        await super().shutdown(sockets)


def refuse_connections(listener: socket.socket) -> None:
    """Let no more connections into the queue of a listening socket.

    Closing it breaks off those that are in its queue. So on Linux the kernel is told first to
    ignore who knocks; they knock again a second later, at whoever listens then.
    """
    if sys.platform != "linux":
        return
    return_nothing = (ctypes.c_ubyte * 8)(0x06, 0, 0, 0, 0, 0, 0, 0)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    program = Program(1, ctypes.addressof(return_nothing))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))


def serve(settings: Settings, host: str, port: int, workers: int) -> int:
    """Serve until told to end; what the process is to exit with."""
    if workers > 1:
        share_metrics(settings.data_dir / METRICS)
        listener = _config(settings, host, port).bind_socket()
        return Supervisor(listener, workers).run()
    from api.app import BUCKETS, create_app

    app = create_app(settings, buckets=Buckets(settings.data_dir / BUCKETS))
    config = _config(settings, host, port, app)
    Server(config, settings.notice_seconds, None).run([config.bind_socket()])
    return 0


def _config(
    settings: Settings, host: str = "", port: int = 0, app: Starlette | str = ""
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        server_header=False,
        access_log=False,
        log_level="warning",
        ws="none",
        http=Protocol,
        timeout_graceful_shutdown=max(int(settings.drain_seconds), 1),
    )


def work(listener: socket.socket, parent: int) -> None:
    """What a worker runs: a server on the socket that all of them share."""
    from api.app import app_from_environment

    settings = load_settings()
    config = _config(settings, app=app_from_environment())
    Server(config, settings.notice_seconds, parent).run([listener])


class Supervisor:
    """Keeps so many workers running until it is told to end."""

    def __init__(self, listener: socket.socket, workers: int) -> None:
        self._listener = listener
        self._count = workers
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[tuple[SpawnProcess, float]] = []
        self._signals = 0

    def run(self) -> int:
        """Returns 1 if workers can't start, 0 once all have ended as they were told."""
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._told)
        self._workers = [self._start() for _ in range(self._count)]
        failed = False
        while not self._signals and not failed:
            time.sleep(WATCH_SECONDS)
            failed = self._replace()
        # Whoever holds this socket keeps it open, so this process lets go of it first.
        self._listener.close()
        self._end()
        return int(failed)

    def _told(self, _signal: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _start(self) -> tuple[SpawnProcess, float]:
        process = self._context.Process(target=work, args=(self._listener, os.getpid()))
        process.start()
        return process, time.monotonic()

    def _replace(self) -> bool:
        """Start workers anew that have died; True if they never will start."""
        for place, (process, since) in enumerate(self._workers):
            if process.exitcode is None or self._signals:
                continue
            if process.exitcode == STARTUP_FAILURE:
                return True
            if time.monotonic() - since > SHORTEST_LIFE:
                forget_worker(process.pid)
                self._workers[place] = self._start()
        return False

    def _end(self) -> None:
        for process, _ in self._workers:
            process.terminate()
        while any(process.exitcode is None for process, _ in self._workers):
            if self._signals > 1:
                for process, _ in self._workers:
                    process.kill()
            time.sleep(WATCH_SECONDS)
