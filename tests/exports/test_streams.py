"""How exports run: at most two, no longer than somebody reads, and whole or broken."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from api.exports import streaming
from api.exports.streaming import ExportBroken, ExportResponse
from api.exports.workers import ExportFailed, ExportsBusy, Workers
from tests.api.conftest import Api, Log
from tests.exports.reading import export

SCOPE: dict[str, Any] = {"type": "http", "state": {"request_id": "r"}}


class Fake:
    """A worker that delivers chunks, or breaks down after them."""

    def __init__(self, chunks: int, failure: Exception | None = None) -> None:
        self.left, self.failure, self.ended = chunks, failure, False

    async def begin(self, _request: Any) -> dict[str, Any]:
        return {}

    async def chunks(self) -> Any:
        while self.left:
            self.left -= 1
            yield b"x" * 10
        if self.failure is not None:
            raise self.failure

    async def end(self) -> None:
        self.ended = True


class FakeWorkers(Workers):
    def __init__(self, fake: Fake) -> None:
        super().__init__(1)
        self.fake = fake

    def _waiting(self) -> Any:
        return self.fake


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def leaves() -> Message:
    await asyncio.sleep(0.05)
    return {"type": "http.disconnect"}


async def begun(fake: Fake, log: Log) -> ExportResponse:
    response = ExportResponse(FakeWorkers(fake), log.logger, "text/plain", "")
    await response.begin({}, "somebody")
    return response


async def test_an_export_that_ends_well_keeps_its_process() -> None:
    fake, sent = Fake(3), list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    response = await begun(fake, Log())
    await response(SCOPE, never, send)
    assert [message.get("body") for message in sent] == [None, *[b"x" * 10] * 3, b""]
    assert [message.get("more_body") for message in sent] == [None, True, True, True, False]
    assert not fake.ended


async def test_an_export_that_breaks_down_breaks_its_answer_off() -> None:
    fake, log, sent = Fake(2, ValueError("secret")), Log(), list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    response = await begun(fake, log)
    with pytest.raises(ExportBroken):
        await response(SCOPE, never, send)
    assert all(message.get("more_body", True) for message in sent), "it never ends properly"
    assert fake.ended
    assert [line["event"] for line in log.lines] == ["export_broken"]
    assert "secret" not in json.dumps(log.lines)


async def test_a_reader_who_leaves_ends_the_export() -> None:
    fake = Fake(10**9)

    async def send(_message: Message) -> None:
        await asyncio.sleep(0.001)

    response = await begun(fake, Log())
    await response(SCOPE, leaves, send)
    assert fake.ended


async def test_a_reader_who_takes_nothing_gives_the_place_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "SLOWEST_SECONDS", 0.05)
    fake = Fake(10**9)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    response = await begun(fake, Log())
    with pytest.raises(ExportBroken):
        await response(SCOPE, never, send)
    assert fake.ended


async def test_a_process_that_says_nothing_gives_the_place_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "BEGIN_SECONDS", 0.05)
    monkeypatch.setattr(Fake, "begin", lambda *_: asyncio.Event().wait())
    fake = Fake(0)
    with pytest.raises(ExportFailed):
        await begun(fake, Log())
    assert fake.ended


async def test_places_are_counted_and_come_free_again() -> None:
    workers = FakeWorkers(Fake(0))
    async with workers.hire("somebody"):
        with pytest.raises(ExportsBusy):
            async with workers.hire("somebody"):
                raise AssertionError
    async with workers.hire("somebody"):
        pass


async def test_more_than_two_exports_are_told_to_come_back(api: Api) -> None:
    workers = api.app.state.exports.workers
    async with workers.hire("one"), workers.hire("another"):
        answer = await export(api, "ndjson")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["errors"][0]["extensions"]["code"] == "EXPORTS_BUSY"
    assert (await export(api, "ndjson")).status_code == 200


async def test_rows_are_counted_once_they_are_out(api: Api) -> None:
    counted = api.app.state.metrics.exported.labels("ndjson")._value
    before = counted.get()
    rows = len((await export(api, "ndjson")).text.splitlines())
    await export(api, "ndjson", method="HEAD")
    assert counted.get() - before == rows > 0


async def test_nobody_holds_all_places(api: Api) -> None:
    workers = api.app.state.exports.workers
    async with workers.hire("live:partner"):
        answer = await export(api, "ndjson")
        assert answer.status_code == 503
        assert answer.json()["errors"][0]["extensions"]["code"] == "EXPORTS_BUSY"
        assert (await export(api, "ndjson", key="admin")).status_code == 200
    assert (await export(api, "ndjson")).status_code == 200
    assert not workers._held


async def test_a_process_that_dies_is_replaced(api: Api) -> None:
    assert (await export(api, "ndjson")).status_code == 200
    (idle,) = api.app.state.exports.workers._idle
    os.kill(idle.process.pid, 9)
    await idle.process.wait()
    assert (await export(api, "ndjson")).status_code == 200


async def test_a_process_that_fails_says_by_what(api: Api) -> None:
    workers = api.app.state.exports.workers
    with pytest.raises(ExportFailed, match="the process failed: KeyError"):
        async with workers.hire("somebody") as worker:
            await worker.begin({})
    assert worker.process.returncode is not None


async def test_signals_to_the_whole_group_break_no_export_off(api: Api) -> None:
    assert (await export(api, "ndjson")).status_code == 200
    (idle,) = api.app.state.exports.workers._idle
    for each in (signal.SIGTERM, signal.SIGINT):
        os.kill(idle.process.pid, each)
    assert (await export(api, "ndjson")).status_code == 200
    assert api.app.state.exports.workers._idle == [idle]


async def test_what_was_left_is_killed(api: Api) -> None:
    workers = api.app.state.exports.workers
    with pytest.raises(KeyError):
        async with workers.hire("somebody") as worker:
            raise KeyError
    assert worker.process.returncode is not None
    assert not Path(f"/proc/{worker.process.pid}").exists()
