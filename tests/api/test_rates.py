"""Each key spends points; who has none left is told when to come back."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from api.domain.keys import new_key
from api.graphql.charging import FAILED_KEYS, Charging, address_of
from api.graphql.transport import Refusal
from api.rates import PLACES, Allowance, Buckets
from tests.api.conftest import Api, Seeded, running

PING = "{ __typename }"
ALLOWED = Allowance(1, 1_100)
SLOW = {"points_per_second": 1.0, "points_at_once": 1_100.0}


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills() -> None:
    time = Time()
    buckets = Buckets(now=time)
    allowance = Allowance(per_second=10, burst=100)
    assert buckets.take("a", 60, allowance).remaining == 40
    assert buckets.take("b", 1, allowance).remaining == 99
    refused = buckets.take("a", 50, allowance)
    assert (refused.remaining, refused.wait) == (40, pytest.approx(1.0))
    time.now += 1
    assert buckets.take("a", 50, allowance) == buckets.take("a", 0, allowance)
    assert buckets.take("a", -30, allowance).remaining == 30
    time.now += 100
    full = buckets.take("a", 0, allowance)
    assert (full.remaining, full.full_in) == (100, 0.0)
    assert buckets.take("a", -30, allowance).remaining == 100


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    time = Time()
    buckets = Buckets(now=time)
    allowance = Allowance(per_second=10, burst=100)
    buckets.take("a", 50, allowance)
    time.now -= 10_000
    assert buckets.take("a", 0, allowance).full_in == pytest.approx(allowance.seconds)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 80)), min_size=1, max_size=60))
def test_nobody_gets_more_than_a_bucket_and_what_flowed_in(
    asked: list[tuple[float, int]],
) -> None:
    time = Time()
    start, granted = time.now, 0
    buckets = Buckets(now=time)
    allowance = Allowance(per_second=10, burst=100)
    for pause, points in asked:
        time.now += pause
        if not buckets.take("a", points, allowance).wait:
            granted += points
        assert granted <= 100 + 10 * (time.now - start) + 1e-3
    buckets.close()


def test_more_callers_than_places_share_them() -> None:
    buckets = Buckets()
    allowance = Allowance(per_second=1, burst=10)
    for number in range(PLACES + 1_000):
        assert buckets.take(f"caller {number}", 1, allowance).wait == 0


def spend(path: Path, times: int, granted: multiprocessing.queues.Queue[int]) -> None:
    buckets = Buckets(path)
    allowance = Allowance(per_second=0.001, burst=500)
    granted.put(sum(not buckets.take("a", 1, allowance).wait for _ in range(times)))


def test_processes_share_one_table(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    granted = context.Queue()
    path = tmp_path / "rates"
    workers = [context.Process(target=spend, args=(path, 400, granted)) for _ in range(3)]
    for worker in workers:
        worker.start()
    total = sum(granted.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    assert total == 500


async def test_every_answer_says_what_is_left(seeded: Seeded) -> None:
    async with running(seeded.url, seeded.keys, buckets=Buckets(now=Time())) as api:
        answer = await api.send(PING)
        assert answer.headers["ratelimit-policy"] == '"points";q=2500;qu="points";w=10'
        assert answer.headers["ratelimit"] == '"points";r=2498;t=1'
        assert answer.json()["extensions"]["cost"] == {
            "predicted": 2,
            "actual": 2,
            "limit": 2500,
            "remaining": 2498,
            "resetSeconds": 1,
        }
        broken = await api.send("{ nothing }")
        assert broken.json()["extensions"]["cost"]["predicted"] == 2
        assert broken.headers["ratelimit"] == '"points";r=2496;t=1'
        headers = {"Authorization": f"Bearer {api.keys['admin']}"}
        unreadable = await api.client.post("/graphql", content=b"{", headers=headers)
        assert unreadable.status_code == 415
        assert unreadable.headers["ratelimit"] == '"points";r=2494;t=1'


async def spend_all_but(points: int, api: Api, key: str) -> None:
    endpoint = api.app.state.graphql
    caller = await endpoint.realms.caller(f"Bearer {api.keys[key]}")
    charging = endpoint.charging
    taken = charging.allowance.burst - points
    assert not charging.buckets.take(caller.identity, taken, charging.allowance).wait


async def test_who_has_spent_everything_is_told_when_to_come_back(seeded: Seeded) -> None:
    time = Time()
    async with running(seeded.url, seeded.keys, settings=SLOW, buckets=Buckets(now=time)) as api:
        await spend_all_but(3, api, "admin")
        assert (await api.send(PING)).status_code == 200
        limited = await api.send(PING)
        assert limited.status_code == 429
        error = limited.json()["errors"][0]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert "Try again in 1 second." in error["message"]
        assert limited.headers["retry-after"] == "1"
        assert limited.headers["ratelimit"] == '"points";r=1;t=1099'
        assert limited.json()["extensions"]["cost"]["remaining"] == 1
        assert (await api.send(PING, "support")).status_code == 200
        time.now += 1
        assert (await api.send(PING)).status_code == 200


async def test_an_answer_costs_what_it_came_to_and_a_refusal_little(seeded: Seeded) -> None:
    page = """{ customers(first: 100) { edges { node {
        recommendedStrategies { strategy { key } reasons { code text } } } } } }"""
    async with running(seeded.url, seeded.keys, settings=SLOW, buckets=Buckets(now=Time())) as api:
        cost = (await api.send(page)).json()["extensions"]["cost"]
        assert 2 < cost["actual"] < cost["predicted"]
        assert cost["remaining"] == 1_100 - cost["actual"]
        await spend_all_but(0, api, "support")
        api.app.state.graphql.charging.buckets.take("live:support", -20, ALLOWED)
        answer = await api.send(page, "support")
        assert answer.status_code == 429
        assert answer.json()["extensions"]["cost"]["remaining"] == 18
        assert (await api.send(PING, "support")).status_code == 200


async def test_small_requests_come_through_fifty_times_a_second(seeded: Seeded) -> None:
    time = Time()
    async with running(seeded.url, seeded.keys, buckets=Buckets(now=time)) as api:
        for _ in range(6):
            answers = [await api.send(PING) for _ in range(50)]
            assert {answer.status_code for answer in answers} == {200}
            time.now += 1
        assert answers[-1].json()["extensions"]["cost"]["remaining"] > 2300


async def test_without_a_limit_nothing_is_said_of_one(seeded: Seeded) -> None:
    async with running(seeded.url, seeded.keys, settings={"points_per_second": 0.0}) as api:
        answer = await api.send(PING)
        assert answer.json()["extensions"]["cost"] == {"predicted": 2, "actual": 2}
        assert "ratelimit" not in answer.headers


async def test_unknown_keys_are_looked_up_only_so_often(seeded: Seeded) -> None:
    async with running(seeded.url, seeded.keys, buckets=Buckets(now=Time())) as api:
        await api.send(PING, "admin")
        api.keys["unknown"] = ""
        statuses = []
        for _ in range(int(FAILED_KEYS.burst) + 5):
            answer = await api.client.post(
                "/graphql", headers={"Authorization": f"Bearer {new_key()}"}
            )
            statuses.append(answer.status_code)
        assert statuses == [401] * int(FAILED_KEYS.burst) + [429] * 5
        assert answer.headers["retry-after"] == "1"
        # Those who were known before go on, from the same address.
        assert (await api.send(PING, "admin")).status_code == 200
        assert (await api.client.post("/graphql")).status_code == 401


def test_an_ipv6_network_counts_as_one_address() -> None:
    def of(host: str) -> str:
        return address_of(Request({"type": "http", "headers": [], "client": (host, 1)}))

    assert of("2001:db8:1:2::1") == of("2001:db8:1:2:ffff::9") != of("2001:db8:1:3::1")
    assert of("192.0.2.1") != of("192.0.2.2")


async def test_an_empty_bucket_refuses_before_the_body_is_read(seeded: Seeded) -> None:
    charging = Charging(Buckets(now=Time()), Allowance(1, 1_100))
    async with running(seeded.url, seeded.keys) as api:
        caller = await api.app.state.graphql.realms.caller(f"Bearer {api.keys['admin']}")
    request = Request({"type": "http", "headers": [], "state": {}})
    charging.open(caller, request).take(1_099)
    with pytest.raises(Refusal) as caught:
        charging.open(caller, request)
    assert caught.value.status == 429
