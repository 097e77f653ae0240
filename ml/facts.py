"""The fact store: a folder of Parquet files that a manifest, replaced at once, makes true.

A file that the manifest does not name is nothing: a writer that dies leaves the store as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from ml.contracts import FACT_TABLES, AttributeField, ColumnType, FactTable
from ml.errors import BadFacts, NoFacts

FORMAT = 2
"""Raised with the set of tables: an older store has not all of them, and is written anew."""
MANIFEST = "manifest.json"
ROW_GROUP_ROWS = 131_072
TABLES: Mapping[str, FactTable] = MappingProxyType({table.name: table for table in FACT_TABLES})
_ARROW: Mapping[ColumnType, pa.DataType] = MappingProxyType(
    {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "bool": pa.bool_()}
)


def arrow_schema(columns: Mapping[str, ColumnType]) -> pa.Schema:
    """The Arrow schema of columns declared in `ml.contracts`, in their order."""
    return pa.schema([(name, _ARROW[kind]) for name, kind in columns.items()])


@dataclass(frozen=True)
class FactFile:
    """One Parquet file; `path` is relative to the store."""

    path: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What the store holds and how to read its money and days."""

    epoch: int
    watermark: int
    base_currency: str
    currency_exponent: int
    time_zone: str
    attributes: tuple[AttributeField, ...]
    files: Mapping[str, tuple[FactFile, ...]]

    def rows(self, table_name: str) -> int:
        return sum(file.rows for file in self.files.get(table_name, ()))

    def to_document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "epoch": self.epoch,
            "watermark": self.watermark,
            "base_currency": self.base_currency,
            "currency_exponent": self.currency_exponent,
            "time_zone": self.time_zone,
            "attributes": [
                {"name": a.name, "value_type": a.value_type, "choices": list(a.choices)}
                for a in self.attributes
            ],
            "files": {
                name: [vars(file) for file in files] for name, files in sorted(self.files.items())
            },
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            epoch=int(document["epoch"]),
            watermark=int(document["watermark"]),
            base_currency=str(document["base_currency"]),
            currency_exponent=int(document["currency_exponent"]),
            time_zone=str(document["time_zone"]),
            attributes=tuple(
                AttributeField(a["name"], a["value_type"], tuple(a["choices"]))
                for a in document["attributes"]
            ),
            files={
                str(name): tuple(FactFile(f["path"], int(f["rows"]), f["sha256"]) for f in files)
                for name, files in document["files"].items()
            },
        )


class FactStore:
    """Reads a fact store; all methods answer from the manifest as it was at the first question."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @cached_property
    def manifest(self) -> Manifest:
        """The committed manifest.

        Raises:
            NoFacts: nothing was ever committed here.
            BadFacts: the manifest can't be read.
        """
        try:
            document = json.loads((self.path / MANIFEST).read_text("utf-8"))
        except FileNotFoundError:
            raise NoFacts(
                f"No fact store in {self.path}: import facts and write the store first."
            ) from None
        except ValueError as error:
            raise BadFacts(f"{self.path / MANIFEST} is not JSON ({error}): rebuild it.") from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise BadFacts(
                f"{self.path / MANIFEST} is not of format {FORMAT}: rebuild the fact store."
            )
        try:
            return Manifest.from_document(document)
        except (KeyError, TypeError, ValueError) as error:
            raise BadFacts(
                f"{self.path / MANIFEST} lacks or garbles {error}: rebuild it."
            ) from None

    def paths(self, table_name: str) -> list[Path]:
        """The files that hold a table; none when it has no rows."""
        return [self.path / file.path for file in self.manifest.files.get(table_name, ())]

    def attribute_fields(self) -> tuple[AttributeField, ...]:
        return self.manifest.attributes

    def fingerprint(self) -> str:
        """SHA-256 of the content: of the manifest without file names, which differ each time."""
        document = self.manifest.to_document()
        document["files"] = {
            name: [[file["rows"], file["sha256"]] for file in files]
            for name, files in document["files"].items()
        }
        return hashlib.sha256(_canonical(document)).hexdigest()


class FactStoreWriter:
    """Adds files to a store; nothing is visible before `commit`.

    `keep` is the manifest whose files stay (an append), or None to replace all of them. One writer
    at a time: the caller holds the lock.
    """

    def __init__(
        self,
        path: Path,
        *,
        epoch: int,
        watermark: int,
        base_currency: str,
        currency_exponent: int,
        time_zone: str,
        attributes: Sequence[AttributeField],
        keep: Manifest | None,
    ) -> None:
        self.path = Path(path)
        self._files: dict[str, list[FactFile]] = {
            name: list(keep.files.get(name, ()) if keep else ()) for name in TABLES
        }
        self._empty = Manifest(
            epoch=epoch,
            watermark=watermark,
            base_currency=base_currency,
            currency_exponent=currency_exponent,
            time_zone=time_zone,
            attributes=tuple(attributes),
            files={},
        )

    def append(self, table: FactTable, batches: Iterable[pa.RecordBatch]) -> int:
        """Stream batches into a new file of `table`; the number of rows.

        Raises:
            BadFacts: a batch has other columns than the contract says.
        """
        folder = self.path / table.name
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{uuid4().hex}.parquet"
        try:
            rows = _write(target, table, batches)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        if rows == 0:
            target.unlink()
            return 0
        with target.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        _sync_folder(folder)
        self._files[table.name].append(FactFile(f"{table.name}/{target.name}", rows, digest))
        return rows

    def commit(self) -> Manifest:
        """Make what was appended true, then delete the files that are no longer named."""
        manifest = replace(
            self._empty, files={name: tuple(files) for name, files in self._files.items()}
        )
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f".{MANIFEST}.{uuid4().hex}"
        with temporary.open("wb") as file:
            file.write(_canonical(manifest.to_document()))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / MANIFEST)
        _sync_folder(self.path)
        self._delete_unnamed(manifest)
        return manifest

    def _delete_unnamed(self, manifest: Manifest) -> None:
        named = {file.path for files in manifest.files.values() for file in files}
        for name in TABLES:
            for file in (self.path / name).glob("*.parquet"):
                if f"{name}/{file.name}" not in named:
                    file.unlink()
        for leftover in self.path.glob(f".{MANIFEST}.*"):
            leftover.unlink()


def _write(target: Path, table: FactTable, batches: Iterable[pa.RecordBatch]) -> int:
    schema = arrow_schema(table.columns)
    rows = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in batches:
            _check(batch, table, schema)
            if batch.num_rows:
                writer.write_batch(batch.cast(schema), row_group_size=ROW_GROUP_ROWS)
                rows += batch.num_rows
    return rows


def _check(batch: pa.RecordBatch, table: FactTable, schema: pa.Schema) -> None:
    """Names and types exactly; nullability and metadata are not compared."""
    if batch.schema.names == schema.names and batch.schema.types == schema.types:
        required = (*table.key, table.moment)
        if empty := [name for name in required if batch.column(name).null_count]:
            raise BadFacts(f"{table.name}: {', '.join(empty)} must not be empty.")
        return
    found = ", ".join(f"{field.name} {field.type}" for field in batch.schema)
    wanted = ", ".join(f"{field.name} {field.type}" for field in schema)
    raise BadFacts(f"{table.name} needs the columns {wanted}; got {found}.")


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _sync_folder(folder: Path) -> None:
    """Makes new names in a folder survive a power cut; Windows has no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
