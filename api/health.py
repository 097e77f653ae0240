"""Whether the process lives, and whether it can answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.db.schema import LATEST_REVISION, current_revision
from api.db.scores import any_scores
from api.db.snapshots import Snapshot

CHECK_SECONDS = 5.0


async def live(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


@dataclass(frozen=True)
class Readiness:
    engine: AsyncEngine

    async def __call__(self, _request: Request) -> JSONResponse:
        problems = await self.problems()
        status = "unready" if problems else "ok"
        return JSONResponse(
            {"status": status, "problems": problems}, status_code=503 if problems else 200
        )

    async def problems(self) -> list[str]:
        """What keeps this installation from answering, with no detail of where it runs."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await self._found()
        except (SQLAlchemyError, OSError, TimeoutError):
            return ["The database can't be reached."]

    async def _found(self) -> list[str]:
        async with self.engine.connect() as connection:
            revision = await connection.run_sync(current_revision)
        if revision != LATEST_REVISION:
            return ["The database's schema is not this version's. Run: echelon db upgrade"]
        snapshot = Snapshot(self.engine)
        try:
            scored = await any_scores(snapshot)
        finally:
            await snapshot.close()
        return [] if scored else ["No scores are published yet. Run: echelon refresh"]
