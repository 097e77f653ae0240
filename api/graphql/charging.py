"""What a request costs its caller, and what it learns of that: headers and `extensions.cost`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from api.domain.keys import Caller
from api.graphql.costs import BASE_POINTS
from api.graphql.transport import Refusal
from api.rates import Allowance, Buckets, Level

POLICY = "points"
FAILURES = "failed-keys"
FAILED_KEYS = Allowance(per_second=5, burst=50)
"""Unknown keys that one address may try before none of its unknown keys are looked up."""


@dataclass
class Charge:
    """One request's account: opened with the least a request costs, before its body is read."""

    buckets: Buckets
    caller: str
    allowance: Allowance
    request: Request
    taken: int = 0
    actual: int | None = None
    level: Level = field(default=Level(0, 0.0))

    def take(self, points: int) -> None:
        """Bring what is taken up to so many points.

        Raises:
            Refusal: that is more than the caller has left; nothing more was taken.
        """
        if self.allowance.per_second <= 0:
            self.taken = points
            return
        self.level = self.buckets.take(self.caller, points - self.taken, self.allowance)
        _show(self.request, POLICY, self.allowance, self.level)
        if self.level.wait:
            raise _limited(
                f"This key has {self.level.remaining:,} points left, and the request needs "
                f"{points - self.taken:,} more.",
                self.level.wait,
            )
        self.taken = points

    def settle(self, actual: int) -> None:
        """Give back what the answer did not come to."""
        self.actual = actual
        if self.allowance.per_second > 0 and actual < self.taken:
            self.level = self.buckets.take(self.caller, actual - self.taken, self.allowance)
            _show(self.request, POLICY, self.allowance, self.level)

    @property
    def extension(self) -> dict[str, Any]:
        shown = {"predicted": self.taken, "actual": self.actual}
        if self.allowance.per_second > 0:
            shown |= {
                "limit": int(self.allowance.burst),
                "remaining": self.level.remaining,
                "resetSeconds": math.ceil(self.level.full_in),
            }
        return shown


@dataclass(frozen=True)
class Charging:
    """`allowance` is that of each key; at 0 points a second nothing is limited."""

    buckets: Buckets
    allowance: Allowance

    def open(self, caller: Caller, request: Request) -> Charge:
        """Begin a request's account.

        Raises:
            Refusal: the caller has nothing left.
        """
        charge = Charge(self.buckets, caller.identity, self.allowance, request)
        request.state.charge = charge
        charge.take(BASE_POINTS)
        return charge

    def note_failure(self, request: Request) -> None:
        """Count a key that opened nothing against the address it came from."""
        level = self.buckets.take(address_of(request), 1, FAILED_KEYS)
        _show(request, FAILURES, FAILED_KEYS, level)

    def require_few_failures(self, request: Request) -> None:
        """Refuse to look up one more unknown key.

        Raises:
            Refusal: its address has sent too many that opened nothing.
        """
        level = self.buckets.take(address_of(request), 0, FAILED_KEYS)
        if level.remaining < 1:
            _show(request, FAILURES, FAILED_KEYS, level)
            raise _limited("Too many unknown keys came from your address.", 1.0)


def address_of(request: Request) -> str:
    """Who sends: an IPv4 address, or the network of an IPv6 one, which has more than anyone needs.

    Behind a proxy on this machine it is the address that the proxy forwards.
    """
    host = request.client.host if request.client else ""
    return f"address:{':'.join(host.split(':')[:4])}" if ":" in host else f"address:{host}"


def _show(request: Request, name: str, allowance: Allowance, level: Level) -> None:
    """Headers of draft-ietf-httpapi-ratelimit-headers, for whatever answer follows."""
    unit = ';qu="points"' if name == POLICY else ""
    request.state.headers = {
        "RateLimit-Policy": f'"{name}";q={int(allowance.burst)}{unit}'
        f";w={math.ceil(allowance.seconds)}",
        "RateLimit": f'"{name}";r={level.remaining};t={math.ceil(level.full_in)}',
    }


def _limited(message: str, wait: float) -> Refusal:
    seconds = max(math.ceil(wait), 1)
    message = f"{message} Try again in {seconds} second{'s' if seconds > 1 else ''}."
    return Refusal(429, "RATE_LIMITED", message, {"Retry-After": str(seconds)})
