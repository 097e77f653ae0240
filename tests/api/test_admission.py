"""Slots are shared fairly, queues are short, and who can't be served is told at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.graphql.admission import Admission
from api.graphql.transport import GRAPHQL_TYPE, Refusal
from tests.api.conftest import Api, Seeded, running


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Crowd:
    """Requests that hold their slot until they are told to end."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._ends: dict[str, asyncio.Event] = {}

    async def come(self, key: str, name: str, *, heavy: bool = False) -> None:
        self._ends[name] = asyncio.Event()
        self.tasks.append(asyncio.create_task(self._work(key, name, heavy)))
        await settled()

    async def _work(self, key: str, name: str, heavy: bool) -> None:
        async with self.admission.slot(key, heavy=heavy):
            self.order.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await settled()

    def refused(self) -> int:
        return sum(task.done() and isinstance(task.exception(), Refusal) for task in self.tasks)


async def settled() -> None:
    """Lets everything that can happen now happen."""
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def crowd(slots: int, waiting: int, time: Time | None = None) -> AsyncIterator[Crowd]:
    found = Crowd(Admission(slots, waiting, now=time or Time()))
    yield found
    for task in found.tasks:
        task.cancel()
    await asyncio.gather(*found.tasks, return_exceptions=True)
    assert (found.admission.running, found.admission.waiting) == (0, 0)


async def test_a_key_with_little_under_way_comes_before_one_with_much() -> None:
    async with crowd(2, 10) as people:
        for name in ("a1", "a2", "a3", "a4"):
            await people.come("a", name)
        await people.come("b", "b1")
        assert people.order == ["a1", "a2"]
        await people.end("a1")
        assert people.order[2:] == ["b1"]
        await people.end("a2")
        assert people.order[2:] == ["b1", "a3"]


async def test_a_full_queue_makes_room_for_another_key_and_for_no_more_of_the_same() -> None:
    async with crowd(1, 3) as people:
        for name in ("a1", "a2", "a3", "a4"):
            await people.come("a", name)
        await people.come("a", "a5")
        assert people.refused() == 1
        people.admission.left(people.admission.arrive("b"))
        await people.come("b", "b1")
        assert people.refused() == 2
        await people.end("a1")
        assert people.order == ["a1", "b1"]
        await people.come("c", "c1")
        await people.come("d", "d1")
        assert people.admission.arrive("a") is None


async def test_heavy_documents_leave_slots_to_small_ones() -> None:
    async with crowd(4, 10) as people:
        for name in ("h1", "h2", "h3"):
            await people.come("a", name, heavy=True)
        await people.come("a", "small")
        assert people.order == ["h1", "small"]
        await people.end("h1")
        assert people.order == ["h1", "small", "h2"]


async def test_who_leaves_while_waiting_leaves_the_queue() -> None:
    async with crowd(1, 2) as people:
        await people.come("a", "a1")
        await people.come("a", "a2")
        people.tasks[1].cancel()
        await settled()
        assert people.admission.waiting == 0
        await people.come("b", "b1")
        await people.end("a1")
        assert people.order == ["a1", "b1"]


async def test_a_burst_is_answered_to_its_end() -> None:
    time = Time()
    async with crowd(1, 100, time) as people:
        for number in range(50):
            await people.come("a", f"a{number}")
        for number in range(50):
            time.now += 0.03
            await people.end(f"a{number}")
        assert people.refused() == 0
        assert sorted(people.order) == sorted(f"a{number}" for number in range(50))


async def test_in_a_flood_who_came_lately_comes_first_and_few_come_in() -> None:
    time = Time()
    async with crowd(1, 5, time) as people:
        for number in range(6):
            await people.come("a", f"old{number}")
        time.now += 1.0
        await people.come("a", "new")  # in the place of the one who has waited longest
        assert people.refused() == 1
        await people.end("old0")
        assert people.order == ["old0", "new"]


async def test_requests_that_never_ask_for_their_slot_keep_out_only_more_of_the_same() -> None:
    time = Time()
    async with crowd(1, 50, time) as people:
        await people.come("b", "b0")
        await people.come("b", "b1")
        for number in range(40):  # the queue stands, and a slot comes free every 25 ms
            time.now += 0.025
            await people.come("b", f"b{number + 2}")
            await people.end(f"b{number}")
        arrived = [people.admission.arrive("slow") for _ in range(50)]
        assert sum(each is not None for each in arrived) < 12
        assert people.admission.arrive("c") is not None
        others = people.admission.arrive("b")
        assert others is not None
        for each in (*arrived, others):
            people.admission.left(each)


async def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.graphql.admission.BURST_SECONDS", 0.01)
    async with crowd(1, 10) as people:
        await people.come("a", "a1")
        await people.come("a", "a2")
        await asyncio.sleep(0.05)
        assert people.refused() == 1


async def test_health_is_answered_while_everything_is_taken(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.graphql.admission.BURST_SECONDS", 0.05)
    admission = api.app.state.graphql.admission
    async with asyncio.TaskGroup() as group:
        free = asyncio.Event()
        for _ in range(8):
            group.create_task(_hold(admission, free))
        await asyncio.sleep(0)
        answer = await api.send("{ __typename }")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
        assert (await api.client.get("/health/live")).status_code == 200
        assert (await api.client.get("/health/ready")).status_code == 200
        free.set()
    assert (await api.send("{ __typename }")).status_code == 200


async def test_a_known_key_is_turned_away_at_the_door_in_a_flood(
    seeded: Seeded,
) -> None:
    async with running(seeded.url, seeded.keys, settings={"slots": 1, "most_waiting": 1}) as api:
        assert (await api.send("{ __typename }")).status_code == 200
        admission = api.app.state.graphql.admission
        async with asyncio.TaskGroup() as group:
            free = asyncio.Event()
            for _ in range(2):
                group.create_task(_hold(admission, free))
            await asyncio.sleep(0)
            async with api.statements() as sent:
                chinese = {"Accept-Language": "zh-Hans", "Accept": GRAPHQL_TYPE}
                answer = await api.send("{ __typename }", headers=chinese)
                elsewhere = await api.send("{ __typename }", headers={"Origin": "https://a.test"})
            stranger = await api.client.post("/graphql", json={"query": "{ __typename }"})
            free.set()
        await asyncio.sleep(0)
        api.app.state.turned_away.tell()
        metrics = api.app.state.metrics.exposition({}).decode()
    assert not sent
    for each in (answer, elsewhere):
        assert (each.status_code, each.headers["retry-after"]) == (503, "1")
        assert each.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith(GRAPHQL_TYPE)
    assert answer.headers["content-language"] == "zh-Hans"
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "OVERLOADED"
    assert error["message"].startswith("当前处理的请求过多")
    assert stranger.status_code == 401
    assert 'echelon_refused_total{code="OVERLOADED"} 2.0' in metrics
    assert [(line["key"], line["requests"]) for line in api.log.lines if "requests" in line] == [
        ("admin", 1)
    ]


async def _hold(admission: Admission, free: asyncio.Event) -> None:
    async with admission.slot("somebody"):
        await free.wait()
