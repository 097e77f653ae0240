"""Work beside requests, which belongs to none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

Result = TypeVar("Result")


def beside(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """A task of its own: whichever request began it, neither its lines in the log bear that
    request's id nor do its statements go into that request's trace."""
    return asyncio.create_task(work, context=Context())
