"""What exports hold: the rows of the feed, in every format, from every place in it."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from api.domain.global_ids import global_ids
from api.exports.encodings import encoder
from api.graphql.ids import global_id
from tests.api.conftest import Api
from tests.api.test_scores import publish
from tests.exports.reading import FORMATS, PATH, export, feed, rows_of


@pytest.mark.parametrize("kind", FORMATS)
async def test_an_export_is_the_whole_feed(api: Api, kind: str) -> None:
    answer = await export(api, kind)
    told, cursor = await feed(api)
    assert answer.status_code == 200
    assert rows_of(kind, answer.content) == told
    assert answer.headers["echelon-row-count"] == str(len(told))
    assert answer.headers["echelon-model-version"] == "churn-3/clv-5"
    assert answer.headers["echelon-as-of"] == "2026-03-31"
    assert answer.headers["echelon-next-cursor"] == cursor
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", FORMATS)
async def test_exports_and_the_feed_go_on_from_each_others_cursors(
    own_api: Api, engine: Engine, kind: str
) -> None:
    first = await export(own_api, kind, minChurnProbability=0.2)
    more = ", filter: {churnProbability: {gte: 0.2}}"
    held = rows_of(kind, first.content)[0]
    leaver = int(held["externalId"][1:])
    calm = {"risk_band": "low", "churn_probability": 0.01}
    await asyncio.to_thread(publish, engine, {leaver: calm, 29: {"deleted": True}}, 30)
    cursor = first.headers["echelon-next-cursor"]
    told, later = await feed(own_api, cursor, more)
    second = await export(own_api, kind, minChurnProbability=0.2, after=cursor)
    found = rows_of(kind, second.content)
    assert found == told
    gone = next(row for row in found if row["externalId"] == held["externalId"])
    assert gone["deleted"]
    assert gone["churnProbability"] is gone["clv"] is gone["riskBand"] is None
    assert gone["reasons"] == []
    assert second.headers["echelon-next-cursor"] == later
    third = await export(own_api, kind, minChurnProbability=0.2, after=later)
    assert rows_of(kind, third.content) == []
    assert third.headers["echelon-row-count"] == "0"


async def test_lines_can_be_resumed_after_any_of_them(api: Api) -> None:
    whole = (await export(api, "ndjson")).text.splitlines()
    for place in (1, 20, len(whole)):
        cursor = json.loads(whole[place - 1])["cursor"]
        rest = (await export(api, "ndjson", after=cursor)).text.splitlines()
        assert rest == whole[place:]


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
async def test_files_say_what_they_are(api: Api, kind: str) -> None:
    answer = await export(api, kind)
    reader = pa.BufferReader(answer.content)
    schema = (
        pa.ipc.open_stream(reader).schema
        if kind == "arrow"
        else pq.ParquetFile(reader).schema_arrow
    )
    assert {name.decode(): value.decode() for name, value in schema.metadata.items()} == {
        "echelon.rows": answer.headers["echelon-row-count"],
        "echelon.modelVersion": "churn-3/clv-5",
        "echelon.asOf": "2026-03-31",
        "echelon.cursor": answer.headers["echelon-next-cursor"],
    }


async def test_lines_come_compressed_to_who_asks_for_that(api: Api) -> None:
    plain = await export(api, "ndjson")
    headers = {"Authorization": f"Bearer {api.keys['partner']}", "Accept-Encoding": "gzip;q=0.5"}
    async with api.client.stream("GET", f"{PATH}ndjson", headers=headers) as answer:
        packed = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == plain.content


async def test_numbers_of_customers_are_written_as_json_wants(own_api: Api, engine: Engine) -> None:
    odd = 'a"b\\c\td王'

    def rename() -> None:
        with engine.begin() as connection:
            for table, column in (("customers", "id"), ("predictions", "customer_id")):
                connection.execute(
                    text(f"UPDATE {table} SET external_id = :odd WHERE {column} = 2"), {"odd": odd}
                )

    await asyncio.to_thread(rename)
    for kind in FORMATS:
        assert rows_of(kind, (await export(own_api, kind)).content)[0]["externalId"] == odd


def test_ids_of_many_rows_are_those_of_each() -> None:
    random = np.random.default_rng(1)
    numbers = [
        1,
        9,
        10,
        99,
        100,
        999,
        1_000,
        123_456,
        2**62,
        *map(int, random.integers(1, 10**9, 50)),
    ]
    for rows in (numbers, [7] * 3, [], numbers[3:]):
        found = global_ids("Customer", pa.array(rows, pa.int64()))
        assert found.to_pylist() == [global_id("Customer", row) for row in rows]
    sliced = global_ids("Customer", pa.array(numbers, pa.int64()).slice(5, 4))
    assert sliced.to_pylist() == [global_id("Customer", row) for row in numbers[5:9]]


def test_an_encoder_does_not_close_what_it_was_not_given(tmp_path: Any) -> None:
    with (tmp_path / "empty.arrow").open("wb") as file:
        encoder("arrow", file, {"rows": "0"}, "", "").close()
    assert pa.ipc.open_stream((tmp_path / "empty.arrow").read_bytes()).read_all().num_rows == 0
