"""The files of pages, as browsers may keep them."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from api.web.pages import CONTENT_SECURITY_POLICY, GRAPHIQL_DIR


def compressed(files: StaticFiles) -> GZipMiddleware:
    """Files of pages hold no secrets."""
    return GZipMiddleware(files, minimum_size=1_000, compresslevel=6)


class PolicyFiles(StaticFiles):
    """Files that keep their names when they change: a browser asks whether they have."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "private, no-cache"
        return response


class PageFiles(StaticFiles):
    """The built page's files: names change with the content, so browsers may keep them for good."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not GRAPHIQL_DIR.is_dir():
            raise HTTPException(404)
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        hashed = path.startswith("assets")
        keep = "max-age=31536000, immutable" if hashed else "no-cache"
        response.headers["Cache-Control"] = f"private, {keep}"
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response
