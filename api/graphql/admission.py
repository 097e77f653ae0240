"""Which requests are worked on now, which wait, and which are sent away at once.

Slots go to the keys in turn: of those that wait, to the one that has the fewest requests under
way, or that got none for longest. A queue that absorbs a burst is good; one that stands only makes
everybody late. So once it has stood for a moment, only as many come in as will get their turn soon,
and keys that have nothing waiting; who has waited long goes behind who came lately. A burst is
still answered to its last request, and of a lasting flood those are answered who still have the
patience to hear it.

Who is turned away is best turned away at the door (`arrive`): a request that has been read and has
waited in vain has cost a good part of an answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import takewhile

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


@dataclass
class Arrival:
    """A request that was let in and has not asked for its slot yet."""

    key: str
    pending: bool = True


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
        self._waiting = Counter[str]()
        """How many wait, by key."""
        self._arriving = Counter[str]()
        self._last_empty = now()
        self._grants: deque[float] = deque()
        self._served: dict[str, float] = {}
        """When keys that work or wait got their last slot."""

    @property
    def running(self) -> int:
        return self._running.total()

    @property
    def waiting(self) -> int:
        return self._waiting.total()

    def arrive(self, key: str) -> Arrival | None:
        """Let a request of this key in, if only to wait; `left` has to follow. None: no room."""
        if self._crowded(key) or (self._full and self._victim(key) is None):
            return None
        self._arriving[key] += 1
        return Arrival(key)

    def left(self, arrival: Arrival | None) -> bool:
        """It asks for its slot, or has ended without; whether it was still counted."""
        if arrival is None or not arrival.pending:
            return False
        arrival.pending = False
        _count_down(self._arriving, arrival.key)
        return True

    @asynccontextmanager
    async def slot(
        self, key: str, *, heavy: bool = False, arrival: Arrival | None = None
    ) -> AsyncIterator[None]:
        """Hold a slot; who has arrived will wait for one, others are let in here.

        Raises:
            Refusal: there is none, and none will be soon.
        """
        await self._enter(key, heavy, self.left(arrival))
        try:
            yield
        finally:
            self._leave(key, heavy)

    async def _enter(self, key: str, heavy: bool, expected: bool) -> None:
        if not self.waiting:
            self._last_empty = self._now()
        if self._free(heavy) and (key, heavy) not in self._queues:
            self._grant(key, heavy)
            return
        waiter = self._queue(key, heavy, expected)
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

    def _queue(self, key: str, heavy: bool, expected: bool) -> Waiter:
        if not expected and self._crowded(key):
            raise overloaded()
        if self._full:
            victim = self._victim(key)
            if victim is None:
                raise overloaded()
            self._refuse(victim)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = Waiter(key, heavy, self._now(), turn)
        self._queues.setdefault((key, heavy), deque()).append(waiter)
        self._waiting[key] += 1
        return waiter

    @property
    def _full(self) -> bool:
        return self.waiting >= self._most_waiting

    def _victim(self, key: str) -> Waiter | None:
        """Who makes room for one more of this key: who waits in vain, or one of who has most."""
        heads = (queue[0] for (_, heavy), queue in self._queues.items() if not heavy)
        oldest = min(heads, key=_since, default=None)
        stale = oldest is not None and self._stale(oldest)
        return oldest if stale else self._longest(key)

    def _crowded(self, key: str) -> bool:
        """Whether one more of this key, which has others already, would get its turn late only."""
        if not self._standing() or not self._arriving[key] + self._waiting[key]:
            return False
        soon = len(self._lately()) * SOON_SECONDS
        # Of others one each: bodies that never end must keep out nobody but who sends them.
        coming = len(self._arriving) + self._arriving[key]
        return self._fresh() + coming >= max(soon, 1)

    def _fresh(self) -> int:
        """How many wait that are not stale; in each queue those stand behind the others."""
        stale = sum(
            sum(1 for _ in takewhile(self._stale, queue)) for queue in self._queues.values()
        )
        return self.waiting - stale

    def _lately(self) -> deque[float]:
        """When slots were given within the last second."""
        while self._grants and self._grants[0] < self._now() - 1:
            self._grants.popleft()
        return self._grants

    def _stale(self, waiter: Waiter) -> bool:
        return not waiter.heavy and self._now() - waiter.since > STALE_SECONDS

    def _standing(self) -> bool:
        return bool(self._queues) and self._now() - self._last_empty > STANDS_AFTER

    def _longest(self, key: str) -> Waiter | None:
        """The latest waiter of the key with most of them, if that leaves it more than `key`."""
        holder = max(self._waiting, key=self._waiting.__getitem__, default=key)
        if holder == key or self._waiting[holder] <= self._waiting[key] + 1:
            return None
        queues = [queue for (name, _), queue in self._queues.items() if name == holder]
        return max((queue[-1] for queue in queues), key=_since)

    def _free(self, heavy: bool) -> bool:
        room = not heavy or self._heavy_running < self._heavy_slots
        return room and self.running < self._slots

    def _grant(self, key: str, heavy: bool) -> None:
        self._running[key] += 1
        self._heavy_running += heavy
        now = self._now()
        self._served[key] = now
        self._lately().append(now)

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
            waiter.turn.set_exception(overloaded())

    def _forget(self, waiter: Waiter) -> None:
        place = (waiter.key, waiter.heavy)
        queue = self._queues.get(place)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            _count_down(self._waiting, waiter.key)
            if not queue:
                del self._queues[place]


def _count_down(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def _since(waiter: Waiter) -> float:
    return waiter.since


def overloaded() -> Refusal:
    return Refusal(
        503,
        "OVERLOADED",
        "Too many requests are being worked on; try again.",
        {"Retry-After": "1"},
    )
