"""Which requests are worked on now, which wait, and which are sent away at once.

Slots go to the keys in turn: of those that wait, to the one that has the fewest requests under
way, or that got none for longest. A queue that absorbs a burst is good; one that stands only makes
everybody late. So once it has stood for a moment, only as many come in as will get their turn soon,
and who has waited long goes behind who came lately: a burst is still answered to its last request,
and of a lasting flood those are answered who still have the patience to hear it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from api.graphql.transport import Refusal

BURST_SECONDS = 2.0
"""How long a request may wait at all."""
STALE_SECONDS = 0.5
"""Who has waited longer goes behind the others, and makes room for them."""
STANDS_AFTER = 0.5
SOON_SECONDS = 0.25
"""How many come into a queue that stands: those who get their turn in this time."""
HEAVY_SECONDS = 5.0
"""How long a heavy document may wait, whose own work takes long."""


@dataclass(eq=False)
class Waiter:
    key: str
    heavy: bool
    since: float
    turn: asyncio.Future[None]


class Admission:
    """`slots` work at once, of them `heavy_slots` on heavy documents; `most_waiting` wait."""

    def __init__(
        self,
        slots: int,
        most_waiting: int,
        heavy_slots: int | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._heavy_slots = heavy_slots or max(slots // 4, 1)
        self._most_waiting = most_waiting
        self._now = now
        self._running: Counter[str] = Counter()
        self._heavy_running = 0
        self._queues: dict[tuple[str, bool], deque[Waiter]] = {}
        self._last_empty = now()
        self._grants: deque[float] = deque()
        self._served: dict[str, float] = {}
        """When keys that work or wait got their last slot."""

    @property
    def running(self) -> int:
        return self._running.total()

    @property
    def waiting(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def require_room(self, key: str) -> None:
        """Refuse a request of this key that would have to be refused later anyhow.

        Raises:
            Refusal: nothing more can wait, and this key has as many waiting as any other.
        """
        if self._full() and self._victim(key) is None:
            raise _overloaded()

    @asynccontextmanager
    async def slot(self, key: str, *, heavy: bool = False) -> AsyncIterator[None]:
        """Hold a slot.

        Raises:
            Refusal: there is none, and none will be soon.
        """
        await self._enter(key, heavy)
        try:
            yield
        finally:
            self._leave(key, heavy)

    async def _enter(self, key: str, heavy: bool) -> None:
        if not self.waiting:
            self._last_empty = self._now()
        if self._free(heavy) and (key, heavy) not in self._queues:
            self._grant(key, heavy)
            return
        waiter = self._queue(key, heavy)
        limit = HEAVY_SECONDS if heavy else BURST_SECONDS
        timer = asyncio.get_running_loop().call_later(limit, self._refuse, waiter)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled():
                self._leave(key, heavy)
            else:
                self._forget(waiter)
            raise
        finally:
            timer.cancel()

    def _queue(self, key: str, heavy: bool) -> Waiter:
        if self._full():
            victim = self._victim(key)
            if victim is None:
                raise _overloaded()
            self._refuse(victim)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = Waiter(key, heavy, self._now(), turn)
        self._queues.setdefault((key, heavy), deque()).append(waiter)
        return waiter

    def _full(self) -> bool:
        """Whether one more would wait in vain."""
        if self.waiting >= self._most_waiting:
            return True
        if not self._standing():
            return False
        fresh = sum(not self._stale(each) for queue in self._queues.values() for each in queue)
        soon = sum(1 for at in self._grants if at > self._now() - 1) * SOON_SECONDS
        return fresh >= max(soon, 1)

    def _victim(self, key: str) -> Waiter | None:
        """Who goes so that one more of this key may wait."""
        if self.waiting < self._most_waiting:
            return self._longest(key)
        heads = [queue[0] for queue in self._queues.values() if self._stale(queue[0])]
        return min(heads, key=lambda each: each.since, default=None) or self._longest(key)

    def _stale(self, waiter: Waiter) -> bool:
        return not waiter.heavy and self._now() - waiter.since > STALE_SECONDS

    def _standing(self) -> bool:
        return bool(self._queues) and self._now() - self._last_empty > STANDS_AFTER

    def _longest(self, key: str) -> Waiter | None:
        """The latest waiter of the key with most of them, if that leaves it more than `key`."""
        counts = Counter[str]()
        for (holder, _heavy), queue in self._queues.items():
            counts[holder] += len(queue)
        holder, most = max(counts.items(), key=lambda each: each[1], default=(key, 0))
        if holder == key or most <= counts[key] + 1:
            return None
        queues = [queue for (name, _), queue in self._queues.items() if name == holder]
        return max((queue[-1] for queue in queues), key=lambda waiter: waiter.since)

    def _free(self, heavy: bool) -> bool:
        room = not heavy or self._heavy_running < self._heavy_slots
        return room and self.running < self._slots

    def _grant(self, key: str, heavy: bool) -> None:
        self._running[key] += 1
        self._heavy_running += heavy
        now = self._now()
        self._served[key] = now
        self._grants.append(now)
        while self._grants[0] < now - 1:
            self._grants.popleft()

    def _leave(self, key: str, heavy: bool) -> None:
        self._running[key] -= 1
        self._heavy_running -= heavy
        while waiter := self._next():
            self._forget(waiter)
            if waiter.turn.done():  # who waited has just left
                continue
            self._grant(waiter.key, waiter.heavy)
            waiter.turn.set_result(None)
        if not self._queues:
            self._last_empty = self._now()
        self._clear(key)

    def _next(self) -> Waiter | None:
        ready = [
            next((each for each in queue if not self._stale(each)), queue[0])
            for (_, heavy), queue in self._queues.items()
            if self._free(heavy)
        ]
        return min(ready, key=self._rank, default=None)

    def _rank(self, waiter: Waiter) -> tuple[bool, int, float, float]:
        key = waiter.key
        stale = self._stale(waiter)
        return stale, self._running[key], self._served.get(key, 0.0), waiter.since

    def _clear(self, key: str) -> None:
        """Forget a key that neither works nor waits."""
        if not self._running[key]:
            del self._running[key]
            if not any((key, heavy) in self._queues for heavy in (False, True)):
                self._served.pop(key, None)

    def _refuse(self, waiter: Waiter) -> None:
        self._forget(waiter)
        if not waiter.turn.done():
            waiter.turn.set_exception(_overloaded())

    def _forget(self, waiter: Waiter) -> None:
        place = (waiter.key, waiter.heavy)
        queue = self._queues.get(place)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[place]


def _overloaded() -> Refusal:
    return Refusal(
        503,
        "OVERLOADED",
        "Too many requests are being worked on; try again.",
        {"Retry-After": "1"},
    )
