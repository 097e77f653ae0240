"""`echelon segments`: what segments there are, and their members in a file."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.context import open_installation
from api.cli.terminal import JsonOption, Terminal
from api.errors import InvalidInput
from api.rotation import cipher_of

if TYPE_CHECKING:
    import pyarrow as pa

app = typer.Typer(help="List segments and export their members.", no_args_is_help=True)
ENDINGS = (".csv", ".parquet", ".ndjson")


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """Every segment with how many are in it."""
    from api.db.segment_export import segment_counts

    terminal = Terminal(as_json=json)
    found = segment_counts(open_installation().engine)
    terminal.table(
        ["key", "kind", "family", "version", "members"],
        [
            [key, kind, family or "", str(version), f"{number:,}"]
            for key, kind, family, version, number in found
        ],
    )
    names = ("key", "kind", "family", "version", "members")
    terminal.result([dict(zip(names, row, strict=True)) for row in found])


@app.command()
def export(
    key: Annotated[str, typer.Argument(help="The segment's key.")],
    out: Annotated[Path, typer.Option(help="The file: .csv, .parquet or .ndjson.")],
    personal_data: Annotated[
        bool, typer.Option("--personal-data", help="With names, e-mail addresses and phones.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write who is in a segment now: their own customer numbers and since when."""
    from api.db.segment_export import PERSONAL, members, segment_counts, segment_id
    from api.domain.audit import READ

    terminal = Terminal(as_json=json)
    if out.suffix not in ENDINGS:
        raise InvalidInput(f"--out {out}: the file ends in {', '.join(ENDINGS)}.")
    if out.is_dir() or not out.parent.is_dir():
        raise InvalidInput(f"--out {out}: name a file in a folder that is there.")
    place = open_installation()
    cipher = cipher_of(place.settings) if personal_data else None
    number = segment_id(place.engine, key)
    if personal_data:
        counts = {row[0]: row[-1] for row in segment_counts(place.engine)}
        read = {"fields": list(PERSONAL), "customers": counts.get(key, 0)}
        place.trail.about(f"Segment:{key}")
        place.trail.say(READ, read)
    place.engine.dispose()
    rows = _write(out, members(place.url, number, cipher), personal_data)
    terminal.say(f"{rows:,} members of {key} are in {out}.")
    terminal.result({"segment": key, "rows": rows, "out": str(out)})


def _write(out: Path, batches: Iterator[pa.RecordBatch], personal_data: bool) -> int:
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    from api.db.segment_export import PERSONAL

    personal = [(name, pa.string()) for name in PERSONAL] if personal_data else []
    schema = pa.schema([("customer_id", pa.string()), ("entered_on", pa.date32()), *personal])
    if out.suffix == ".ndjson":
        return _write_lines(out, batches)
    rows = 0
    writer: Any = csv.CSVWriter if out.suffix == ".csv" else pq.ParquetWriter
    with writer(out, schema) as sink:
        for batch in batches:
            sink.write_batch(batch.cast(schema))
            rows += batch.num_rows
    return rows


def _write_lines(out: Path, batches: Iterator[pa.RecordBatch]) -> int:
    rows = 0
    with out.open("w", encoding="utf-8") as lines:
        for batch in batches:
            for row in batch.to_pylist():
                text = json_format.dumps(row, ensure_ascii=False, default=str)
                lines.write(f"{text}\n")
                rows += 1
    return rows
