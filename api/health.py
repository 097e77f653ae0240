"""Whether the process lives, and whether it can answer."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.background import beside
from api.db.installation import installation_of
from api.db.schema import LATEST_REVISION, current_revision
from api.db.scores import newest_scores_end
from api.db.snapshots import Snapshot
from api.drain import is_draining

CHECK_SECONDS = 5.0
REMEMBERED_SECONDS = 1.0
STALE_SECONDS = 3.0
"""Nothing older is ever told."""


@dataclass(frozen=True)
class State:
    problems: tuple[str, ...] = ()
    """What keeps this installation from answering."""
    warnings: tuple[str, ...] = ()
    """What does not, but should be seen to."""


async def live(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


@dataclass
class Readiness:
    """Asks the database at most once a second, however many probes ask.

    Who asks often doesn't wait for that: a server under load takes its time over each statement.
    """

    engine: AsyncEngine
    clock: Callable[[], dt.datetime]
    seconds: Callable[[], float] = time.monotonic
    _state: State | None = None
    _asked_at: float = 0.0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _beside: asyncio.Task[State] | None = None

    async def __call__(self, request: Request) -> JSONResponse:
        if is_draining(request.scope.get("state", {})):
            state, status = State(("The server is about to end.",)), "draining"
        else:
            state = await self.state()
            status = "unready" if state.problems else "ok"
        content = {
            "status": status,
            "problems": list(state.problems),
            "warnings": list(state.warnings),
        }
        return JSONResponse(content, status_code=503 if state.problems else 200)

    async def state(self) -> State:
        """What is so, or was within the last three seconds."""
        age = self.seconds() - self._asked_at
        if self._state is None or age >= STALE_SECONDS:
            return await self._renewed()
        if age >= REMEMBERED_SECONDS and (self._beside is None or self._beside.done()):
            self._beside = beside(self._renewed())
        return self._state

    async def _renewed(self) -> State:
        async with self._asking:
            if self._state is None or self.seconds() - self._asked_at >= REMEMBERED_SECONDS:
                asked_at = self.seconds()
                self._state = await self._found()
                self._asked_at = asked_at
            return self._state

    async def close(self) -> None:
        """Wait for what is being asked."""
        if self._beside is not None:
            await asyncio.gather(self._beside, return_exceptions=True)

    async def _found(self) -> State:
        """With no detail of where this installation runs: anybody may ask."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await self._asked()
        except (SQLAlchemyError, OSError, TimeoutError):
            return State(("The database can't be reached.",))

    async def _asked(self) -> State:
        async with self.engine.connect() as connection:
            revision = await connection.run_sync(current_revision)
        if revision != LATEST_REVISION:
            return State(("The database's schema is not this version's. Run: echelon db upgrade",))
        snapshot = Snapshot(self.engine)
        try:
            valid_until = await newest_scores_end(snapshot)
            installation = await installation_of(snapshot)
        finally:
            await snapshot.close()
        if valid_until is None:
            return State(("No scores are published yet. Run: echelon refresh",))
        if valid_until <= installation.stale_from(self.clock()):
            day = valid_until.date().isoformat()
            return State((), (f"The newest scores are stale since {day}. Run: echelon refresh",))
        return State()
