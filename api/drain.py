"""Whether this process is about to end: balancers and clients are told, and go elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

STATE = "drain"
"""Where requests find it in their state; the server puts it there."""


@dataclass
class Drain:
    now: Callable[[], float] = time.monotonic
    begun_at: float | None = field(default=None)

    def begin(self) -> None:
        if self.begun_at is None:
            self.begun_at = self.now()

    def has_lasted(self, seconds: float) -> bool:
        return self.begun_at is not None and self.now() - self.begun_at >= seconds


def is_draining(state: Mapping[str, Any]) -> bool:
    """Whether the server that took a request with this state is about to end."""
    drain = state.get(STATE)
    return isinstance(drain, Drain) and drain.begun_at is not None
