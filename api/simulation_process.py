"""A simulation in a process of its own: it takes a core and memory that the web process needs.

It opens the database anew; on SQLite through another copy of SQLite, which no process that serves
may hold beside its own.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from collections.abc import Mapping
from typing import Any

from api.errors import Conflict, EchelonError, InvalidInput, NotReady

WORKER = "api.simulation_worker"
"""Not imported here, but run: the web process stays without what it needs."""
SECONDS = 25.0
"""For a million customers it takes about 10."""
EXPECTED: Mapping[str, type[EchelonError]] = {
    kind.code: kind for kind in (Conflict, InvalidInput, NotReady)
}


class SimulationFailed(RuntimeError):
    """The process ended without an answer."""


class Simulator:
    """Runs one simulation at a time: a second caller is told to come back."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self._url = url
        self._seconds = seconds
        self._busy = False

    async def simulate(
        self, policy: object, *, now: dt.datetime, sensitive: bool
    ) -> dict[str, Any]:
        """The document of a simulation, as in `api.simulation_documents`.

        Raises:
            Conflict: another one is running.
            InvalidInput, NotReady: as `simulate_policy` does.
        """
        if self._busy:
            raise Conflict("Another simulation is running; try again in some seconds.")
        self._busy = True
        try:
            request = {
                "url": self._url,
                "policy": policy,
                "now": now.isoformat(),
                "sensitive": sensitive,
            }
            answer = await asyncio.wait_for(_ask(request), self._seconds)
        except TimeoutError:
            raise Conflict(
                f"The simulation took more than {self._seconds:g} seconds; run it on the command "
                "line: echelon policy simulate"
            ) from None
        finally:
            self._busy = False
        error = answer.get("error")
        if error is not None:
            raise EXPECTED[error["code"]](error["message"])
        return answer


async def _ask(request: Mapping[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        WORKER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        # The database's URL may hold a password, so it goes by the input, not by an argument.
        out, err = await process.communicate(json.dumps(request).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last = err.decode(errors="replace").strip().splitlines()[-1:]
        raise SimulationFailed(f"exit code {process.returncode}: {''.join(last)}")
    answer: dict[str, Any] = json.loads(out)
    return answer
