"""The process behind `api.exports.workers`: jobs on its input, frames on its output.

A frame is a letter, the length of what follows in four bytes, and that: `H` says what is known
before the first row, `D` carries bytes of the export, `E` ends it, `X` says why it can't be made,
`F` names the exception that ends the process. It works on one job after another until its input
ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from api.domain.feed_cursors import FeedCursors
from api.errors import EchelonError
from api.exports.job import Found, Job
from api.exports.running import run_job

FRAME_BYTES = 1_000_000
HEAD = struct.Struct(">cI")


class Frames:
    """A file to write to, whose content leaves in frames of about a megabyte."""

    closed = False

    def __init__(self, out: int) -> None:
        self._out = out
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: Any) -> int:
        """Small pieces are gathered; large ones leave as they are, without a copy."""
        view = memoryview(data).cast("B")
        if len(view) < FRAME_BYTES // 4:
            self._parts.append(bytes(view))
            self._size += len(view)
            if self._size >= FRAME_BYTES:
                self.flush()
            return len(view)
        self.flush()
        for first in range(0, len(view), FRAME_BYTES):
            piece = view[first : first + FRAME_BYTES]
            write_all(self._out, HEAD.pack(b"D", len(piece)))
            write_all(self._out, piece)
        return len(view)

    def flush(self) -> None:
        if self._size:
            send(self._out, b"D", *self._parts)
            self._parts, self._size = [], 0

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.flush()


def send(out: int, kind: bytes, *parts: bytes) -> None:
    write_all(out, b"".join((HEAD.pack(kind, sum(map(len, parts))), *parts)))


def write_all(out: int, data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(out, left) :]


def work(request: dict[str, Any], out: int) -> None:
    def begin(found: Found) -> Frames | None:
        send(out, b"H", json.dumps(asdict(found)).encode())
        return None if job.head else frames

    frames = Frames(out)
    try:
        job = Job(**request["job"])
        cursors = FeedCursors(bytes.fromhex(request["key"]))
        run_job(request["url"], job, cursors, begin)
    except EchelonError as error:
        send(out, b"X", json.dumps({"code": error.code, "message": str(error)}).encode())
        return
    except Exception as error:
        # Its message may quote the database's address or what is stored; its kind can't.
        send(out, b"F", type(error).__qualname__.encode())
        raise
    if not job.head:
        frames.flush()
        send(out, b"E")


def main() -> None:
    # The server ends this process once its export is out. Signals to the whole group, as Ctrl-C and
    # service managers send them, would break off what the server still delivers.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    # Whatever prints must not get between the frames.
    out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # fewer turns between the two processes
        with suppress(OSError):
            fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, FRAME_BYTES)
    for line in sys.stdin:
        work(json.loads(line), out)


if __name__ == "__main__":
    main()
