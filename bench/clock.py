"""Seconds and memory of named parts, and steps in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Measurement = dict[str, Any]


class Clock:
    """Wall and processor seconds of named parts, here and in a database server's process."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, float]] = {}
        self.server: int | None = None

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        wall, cpu, server = time.perf_counter(), time.process_time(), self._server_cpu()
        yield
        self.parts[name] = {
            "seconds": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "server_cpu": self._server_cpu() - server,
            "peak_mb": peak_mb(),
        }

    def _server_cpu(self) -> float:
        """Of a backend on this machine; 0 where there is none."""
        stat = Path(f"/proc/{self.server}/stat")
        if self.server is None or not stat.exists():
            return 0.0
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def timing(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.part(name):
                return work(*arguments, **named)

        return timed


def peak_mb() -> float:
    """The most memory this process has held."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def in_a_process(work: Callable[..., Measurement], *arguments: Any) -> Measurement:
    """What `work` returns; its failure ends the bench."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, work, arguments))
    process.start()
    sender.close()
    try:
        result: Measurement = receiver.recv()
    except EOFError:  # its traceback is printed already
        raise SystemExit(f"{work.__name__} failed.") from None
    finally:
        process.join()
    return result


def _send(sender: Any, work: Callable[..., Measurement], arguments: tuple[Any, ...]) -> None:
    sender.send(work(*arguments))
