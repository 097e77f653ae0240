"""Exports of the whole feed from kept parts: the same bytes, always true, and nobody who left."""

from __future__ import annotations

import asyncio
import itertools
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import Engine

from api.db.score_export import Snapshot, export_snapshot
from api.db.score_parts import tallies_of, tally_of
from api.domain.feed_cursors import LARGEST_REVISION
from api.exports import whole
from api.exports.encodings import SCHEMA
from api.exports.parts import LABEL_BYTES
from tests.api.conftest import running, seed
from tests.api.test_scores import publish
from tests.exports.kept import CUSTOMERS, ROWS, Place
from tests.exports.reading import FORMATS, export, rows_of


@pytest.fixture
def place(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    monkeypatch.setattr(whole, "PART_ROWS", ROWS)
    seed(engine, CUSTOMERS)
    yield Place(engine, database_url, tmp_path / "exports")
    engine.dispose()


def holds(folder: Path, external_id: str) -> bool:
    return any(external_id.encode() in path.read_bytes() for path in folder.iterdir())


def test_parts_make_the_same_rows_in_each_format(place: Place) -> None:
    for kind in FORMATS:
        direct = place.export(place.direct, kind)
        for _ in ("first", "from parts"):
            found = place.export(place.kept, kind)
            if kind == "ndjson":
                assert found == direct
            assert rows_of(kind, found) == rows_of(kind, direct)
    assert len(place.files()) > 4
    first, later = (place.export(place.kept) for _ in range(2))
    assert first == later
    assert pa.ipc.open_stream(later).schema == SCHEMA


def test_parts_that_are_there_are_what_is_sent(place: Place) -> None:
    """Proved by parts that say something else, with a label that fits."""
    assert place.prepare() == len(place.files()) > 4
    before = {path: path.stat().st_mtime_ns for path in place.files()}
    place.export(place.kept)
    assert place.prepare() == 0
    assert {path: path.stat().st_mtime_ns for path in place.files()} == before
    place.run("UPDATE predictions SET churn_reasons = '[]'")  # as nothing ever does
    assert all(row["reasons"] for row in place.rows(place.kept))


def test_only_parts_that_changed_are_made_anew(place: Place) -> None:
    all_parts = place.prepare()
    customer = int(place.rows(place.direct)[10]["externalId"][1:])
    publish(place.engine, {customer: {"churn_probability": 0.75, "risk_band": "high"}}, 500)
    assert place.rows(place.kept) == place.rows(place.direct)
    assert 1 <= place.prepare() + 1 <= 3 < all_parts
    assert place.rows(place.kept)[-1]["churnProbability"] == 0.75


def test_nothing_of_who_took_their_consent_back_is_left(place: Place) -> None:
    place.prepare()
    row = place.rows(place.direct)[20]
    customer, external_id = int(row["externalId"][1:]), row["externalId"]
    assert holds(place.folder, external_id)
    place.say(customer, False, 1)
    assert external_id not in {row["externalId"] for row in place.rows(place.kept)}
    place.say(customer, True, 2)
    place.prepare()
    assert holds(place.folder, external_id)
    place.say(customer, False, 3)
    place.prepare()
    assert not holds(place.folder, external_id)
    assert place.rows(place.kept) == place.rows(place.direct)


def test_what_ended_leaves_the_parts(place: Place) -> None:
    place.prepare()
    customers = [int(row["externalId"][1:]) for row in place.rows(place.direct)]
    publish(place.engine, {each: {"deleted": True} for each in customers[::2]}, 500)
    assert place.rows(place.kept) == place.rows(place.direct)
    assert len(place.rows(place.kept)) == len(customers) // 2
    place.prepare()
    sizes = [int(path.name.split("-")[1]) - int(path.name.split("-")[0]) for path in place.files()]
    assert len(sizes) <= len(customers) // 2 // ROWS + 1, "small neighbours are put together"


def test_another_timeline_never_meets_these_parts(place: Place) -> None:
    """A copy from before is restored, and the same revisions go to other customers."""
    rows = place.rows(place.direct)
    first, second, third, fourth, fifth, sixth = (int(row["externalId"][1:]) for row in rows[1:7])
    for place_in_time in ((first, fifth, third), (second, third, fourth), (sixth, first, second)):
        publish(place.engine, {each: {} for each in place_in_time}, 500)
        assert place.rows(place.kept) == place.rows(place.direct)
        for each in place_in_time:  # as if it had not been
            row = next(row for row in rows if int(row["externalId"][1:]) == each)
            place.run(
                f"UPDATE predictions SET revision = {row['revision']} WHERE customer_id = {each}"
            )
    place.run("UPDATE refresh_runs SET fingerprint = 'another'")
    place.run("UPDATE predictions SET churn_reasons = '[]'")
    assert not any(row["reasons"] for row in place.rows(place.kept))


def test_a_proof_holds_as_long_as_nothing_moves(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    true_tallies = Snapshot.tallies

    def tallies(snapshot: Snapshot, bounds: Any) -> Any:
        asked.append("all")
        return true_tallies(snapshot, bounds)

    place.prepare()
    monkeypatch.setattr(Snapshot, "tallies", tallies)
    expected = place.rows(place.direct)
    assert place.rows(place.kept) == expected
    assert not asked
    customer = int(expected[5]["externalId"][1:])
    place.say(customer, False, 1)
    for times in (1, 1):
        assert place.rows(place.kept) == place.rows(place.direct)
        assert len(asked) == times
    # Restored from before that, somebody else speaks: the same revision, another feed.
    place.run(
        f"UPDATE predictions SET shared = true, revision = {expected[5]['revision']} "
        f"WHERE customer_id = {customer}"
    )
    other = int(expected[6]["externalId"][1:])
    place.run(
        "UPDATE predictions SET shared = false, revision = "
        f"(SELECT last_revision FROM installation) WHERE customer_id = {other}"
    )
    assert place.rows(place.kept) == place.rows(place.direct)
    assert len(asked) == 2
    assert not holds(place.folder, expected[6]["externalId"])


def test_plain_sums_would_not_do(place: Place) -> None:
    """Three customers for three others, with equal sums of numbers and of products."""
    tables = [
        pa.table(
            {
                "customer_id": customers,
                "revision": [101, 102, 103],
                "run_id": [1, 1, 1],
                "clv_minor": [5, 5, 5],
            }
        )
        for customers in ([5, 9, 7], [6, 7, 8])
    ]
    one, other = (tally_of(table) for table in tables)
    assert one.first_mix != other.first_mix
    assert one.second_mix != other.second_mix


def test_the_database_sums_up_as_this_process_does(place: Place) -> None:
    random = np.random.default_rng(1)
    customers = random.choice(10**12, 20, replace=False)
    place.engine.dispose()
    with export_snapshot(place.url) as snapshot:
        read = pa.Table.from_batches(snapshot.rows(place.direct.rows_sql))
        revisions = sorted(read["revision"].to_pylist())
        bounds = [revisions[3], revisions[3] + 1, revisions[-1], LARGEST_REVISION]
        found = snapshot.tallies(bounds)
    for (after, last), tally in zip(itertools.pairwise([0, *bounds]), found, strict=True):
        mask = [after < each <= last for each in read["revision"].to_pylist()]
        assert tally == tally_of(read.filter(pa.array(mask)))
    large = pa.table(
        {
            "customer_id": customers,
            "revision": customers[::-1].copy(),
            "run_id": [1] * 20,
            "clv_minor": [1] * 20,
        }
    )
    exact = sum(
        ((int(c) % 1_000_003) * 1_009 + int(r) % 1_009) ** 2 % 2_147_483_629
        for c, r in zip(customers, customers[::-1], strict=True)
    )
    assert tally_of(large).first_mix == exact
    assert "CASE" not in tallies_of([LARGEST_REVISION])


@pytest.mark.parametrize("harm", ["cut", "changed", "emptied", "no label", "a folder"])
def test_a_broken_part_is_read_anew(place: Place, harm: str) -> None:
    place.prepare()
    path = place.files()[1]
    content = path.read_bytes()
    if harm == "a folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(
            {
                "cut": content[:-1],
                "changed": content[:-40] + bytes([content[-40] ^ 1]) + content[-39:],
                "emptied": b"",
                "no label": b"{}".ljust(LABEL_BYTES) + content[LABEL_BYTES:],
            }[harm]
        )
    for _ in range(2):
        assert place.rows(place.kept) == place.rows(place.direct)
    assert place.prepare() == 0, "the export kept them"


def test_files_are_the_owners_alone(place: Place) -> None:
    mask = os.umask(0)
    try:
        place.prepare()
    finally:
        os.umask(mask)
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.folder.iterdir()} == {0o600}


def test_what_others_left_is_removed(place: Place) -> None:
    place.prepare()
    left = [place.folder / name for name in (".1-2-3-00000000.part.9", "0-9-1-00000000.part")]
    for path in left:
        path.write_bytes(b"half")
    place.prepare()
    assert not any(path.exists() for path in left)


def test_without_a_place_for_parts_everything_is_read(place: Place, tmp_path: Path) -> None:
    lost = replace(place.direct, parts=str(tmp_path / "no" / "exports"))
    assert place.rows(lost) == place.rows(place.direct)
    assert not (tmp_path / "no").exists()


def test_an_export_that_sees_less_than_another_leaves_the_parts_alone(place: Place) -> None:
    place.prepare()
    newer = place.folder / "900-901-902-00000000.part"
    newer.write_bytes(b"what another export is told by now")
    before = place.files()
    place.run("UPDATE predictions SET deleted = true WHERE revision < 20")
    assert place.rows(place.kept) == place.rows(place.direct)
    assert place.files() == before


async def test_the_server_answers_from_parts_two_at_once_and_counts_rows(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    keys = await asyncio.to_thread(seed, engine, 30)
    engine.dispose()
    async with running(database_url, keys, settings={"data_dir": tmp_path}) as api:

        async def both() -> Any:
            """By two clients, as one may not take all places."""
            return await asyncio.gather(export(api, "arrow"), export(api, "ndjson", key="admin"))

        answers = await both()
        answers += await both()
        one, lines, other, more = answers
        assert one.content == other.content
        assert lines.content == more.content
        rows = rows_of("arrow", one.content)
        assert rows == rows_of("ndjson", more.content)
        assert rows == rows_of("parquet", (await export(api, "parquet")).content)
        filtered = await export(api, "arrow", minChurnProbability=0)
        assert rows_of("arrow", filtered.content) == rows
        headers = {"Authorization": f"Bearer {api.keys['monitor']}"}
        told = (await api.client.get("/metrics", headers=headers)).text
    assert f'echelon_exported_rows_total{{format="arrow"}} {3 * len(rows)}.0' in told
    (part,) = (tmp_path / "exports").glob("*.part")
    assert int(part.name.split("-")[1]) == rows[-1]["revision"]
