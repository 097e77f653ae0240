"""Score columns as bytes of each format, batch by batch."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from api.exports.columns import FIELDS

SCHEMA = pa.schema(FIELDS)
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
LINES_AT_ONCE = 16_384
"""Lines take several times the memory of their columns while they are put together."""
ODD = r'[\x00-\x1f"\\]'


class Sink(Protocol):
    """Where bytes go: a file opened for writing, or what acts like one."""

    @property
    def closed(self) -> bool: ...

    def write(self, data: bytes, /) -> int: ...


class Encoder(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...

    def write_part(self, body: pa.Buffer) -> None:
        """A batch as `part_of` made it of one."""

    def close(self) -> None: ...


def part_of(batch: pa.RecordBatch) -> pa.Buffer:
    """A batch as a message of an Arrow stream, which is the same in all of them."""
    return batch.serialize()


def batch_of(body: pa.Buffer) -> pa.RecordBatch:
    return pa.ipc.read_record_batch(body, SCHEMA)


def encoder(kind: str, sink: Sink, facts: Mapping[str, str], prefix: str, coding: str) -> Encoder:
    """Writes batches to a sink.

    `facts` go along as metadata where the format has some; `prefix` begins each line's cursor.
    """
    target: Any = sink
    if coding:
        target = pa.CompressedOutputStream(pa.PythonFile(sink, mode="w"), coding)
    if kind == "ndjson":
        return Lines(target, prefix)
    schema = SCHEMA.with_metadata({f"echelon.{name}": each for name, each in facts.items()})
    if kind == "arrow":
        return Stream(target, schema)
    return Parquet(pa.PythonFile(sink, mode="w"), schema)


class Stream:
    """An Arrow IPC stream: the schema, a message for each batch, and a mark of the end."""

    def __init__(self, target: Any, schema: pa.Schema) -> None:
        self._target = target
        target.write(schema.serialize())

    def write(self, batch: pa.RecordBatch) -> None:
        self.write_part(part_of(batch))

    def write_part(self, body: pa.Buffer) -> None:
        self._target.write(body)

    def close(self) -> None:
        self._target.write(END_OF_STREAM)
        self._target.close()


class Parquet:
    """A Parquet file; each batch is a row group."""

    def __init__(self, target: Any, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._target = target
        self._schema = schema
        self._writer = pq.ParquetWriter(target, schema, compression="zstd")

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch.replace_schema_metadata(self._schema.metadata))

    def write_part(self, body: pa.Buffer) -> None:
        self.write(batch_of(body))

    def close(self) -> None:
        self._writer.close()
        self._target.close()


class Lines:
    """A JSON object a line, with the cursor to go on from after it."""

    def __init__(self, target: Any, prefix: str) -> None:
        self._target = target
        self._prefix = prefix

    def write(self, batch: pa.RecordBatch) -> None:
        parts: list[Any] = []
        opening = "{"
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            parts += [f'{opening}"{name}":', WRITTEN[name](column)]
            opening = ","
        parts += [f',"cursor":"{self._prefix}', WRITTEN["revision"](batch["revision"]), '"}\n']
        lines = pc.binary_join_element_wise(*parts, "")
        self._target.write(_bytes_of(lines))

    def write_part(self, body: pa.Buffer) -> None:
        batch = batch_of(body)
        for first in range(0, batch.num_rows, LINES_AT_ONCE):
            self.write(batch.slice(first, LINES_AT_ONCE))

    def close(self) -> None:
        self._target.close()


def _bytes_of(texts: pa.Array) -> pa.Buffer:
    """Texts one after the other, as they lie in memory."""
    ends = pa.Array.from_buffers(pa.int32(), len(texts) + 1, [None, texts.buffers()[1]])
    start, end = ends[texts.offset].as_py(), ends[len(texts)].as_py()
    return texts.buffers()[2].slice(start, end - start)


def _plain(column: pa.Array) -> pa.Array:
    written = pc.cast(column, pa.string())
    return pc.fill_null(written, "null") if column.null_count else written


def _quoted(column: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(column, ODD)).as_py():
        return pa.array([json.dumps(each, ensure_ascii=False) for each in column.to_pylist()])
    return pc.binary_join_element_wise('"', column, '"', "")


def _few(render: Callable[[Any], str]) -> Callable[[pa.Array], pa.Array]:
    """For columns with few different values: each is written once."""

    def written(column: pa.Array) -> pa.Array:
        if not pa.types.is_dictionary(column.type):
            column = pc.dictionary_encode(column)
        texts = pa.array([render(each) for each in column.dictionary.to_pylist()], pa.string())
        return pc.fill_null(texts.take(column.indices), "null")

    return written


def _day_or_moment(value: dt.date) -> str:
    return f'"{value.isoformat()}"'


WRITTEN: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    "customerId": lambda column: pc.binary_join_element_wise('"', column, '"', ""),
    "externalId": _quoted,
    "churnProbability": _plain,
    "churnPercentile": _plain,
    "riskBand": _few(json.dumps),
    "clv": _plain,
    "horizonDays": _few(str),
    "asOf": _few(_day_or_moment),
    "scoredAt": _few(_day_or_moment),
    "validUntil": _few(_day_or_moment),
    "modelVersion": _few(json.dumps),
    "revision": _plain,
    "deleted": _few(json.dumps),
    "reasons": lambda column: column,
}
