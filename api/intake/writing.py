"""Good rows into the database, in the transaction that the writer has begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from api.db.bulk import MergeCounts
from api.db.intake import UNKNOWN, BatchWriter
from api.db.models import Customer, Product
from api.domain.personal_data import PersonalDataCipher
from api.intake.conversion import Batch
from api.intake.fields import FactKind, Field, Reference
from api.intake.personal import add_hashes, seal

REFERRED: Mapping[Reference, sa.FromClause] = MappingProxyType(
    {"customers": Customer.__table__, "products": Product.__table__}
)
KEY_HASHES: Mapping[str, str] = MappingProxyType({"value_encrypted": "value_hash"})
"""Where a personal column is part of the key, its keyed hash stands in for it."""
DERIVED = ("source_currency", "source_amount_minor", "number_value")
"""Columns that no field fills by itself."""


@dataclass
class Writing:
    """A batch being written; rows rejected on the way are no longer among its `places`."""

    writer: BatchWriter
    cipher: PersonalDataCipher
    batch: Batch
    ids: dict[str, np.ndarray] = field(default_factory=dict)
    """Internal ids by the field that refers to them, for all rows of the batch."""

    @property
    def kind(self) -> FactKind:
        return self.batch.kind

    @property
    def places(self) -> np.ndarray:
        return np.flatnonzero(self.batch.wanted)

    def taken(self, name: str) -> pa.Array:
        """A field of the rows to be written."""
        return self.batch.columns[name].take(pa.array(self.places))

    def same_batch(self, rows: int) -> pa.Array:
        return pa.array(np.full(rows, self.writer.batch_id))


def resolve_references(writing: Writing) -> None:
    """Find the ids that rows refer to; a row that refers to nothing known is rejected."""
    batch = writing.batch
    for declared in batch.kind.fields:
        if declared.refers_to is None or declared.name not in batch.columns:
            continue
        ids = _resolve(writing, declared, declared.refers_to)
        given = batch.columns[declared.name].is_valid().to_numpy(zero_copy_only=False)
        what = declared.refers_to.removesuffix("s")
        problem = f"is no known {what}; import {declared.refers_to} first"
        batch.reject(declared.name, batch.wanted & given & (ids == UNKNOWN), problem)
        writing.ids[declared.name] = ids


def _resolve(writing: Writing, declared: Field, reference: Reference) -> np.ndarray:
    batch = writing.batch
    missing = pa.scalar(None, pa.string())
    wanted = pc.if_else(pa.array(batch.wanted), batch.columns[declared.name], missing)
    encoded = wanted.dictionary_encode()
    table = REFERRED[reference]
    ids = writing.writer.resolve(table, encoded.dictionary)
    if reference in batch.kind.create_missing and (ids == UNKNOWN).any():
        new = encoded.dictionary.filter(pa.array(ids == UNKNOWN))
        writing.writer.add_missing(table, _new_rows(writing, reference, new))
        ids = writing.writer.resolve(table, encoded.dictionary)
    codes = pc.fill_null(encoded.indices, len(ids)).to_numpy(zero_copy_only=False)
    return np.asarray(np.append(ids, UNKNOWN)[codes])


def _new_rows(writing: Writing, reference: Reference, external_ids: pa.Array) -> pa.Table:
    """Rows for ids seen for the first time; a customer is known since the first order here."""
    rows = pa.table({"external_id": external_ids})
    if reference == "products":
        return rows
    customers = writing.taken("customer_id").to_numpy(zero_copy_only=False)
    first = earliest(customers, writing.taken("ordered_at"))
    known_at = as_moments(first.loc[external_ids.to_numpy(zero_copy_only=False)])
    rows = rows.append_column("known_at", known_at)
    return rows.append_column("kind", pa.array(["b2c"] * rows.num_rows))


def table_of(writing: Writing) -> pa.Table:
    """The rows to be written, with the columns of the kind's table but for the personal ones."""
    columns: dict[str, pa.Array] = {}
    places = writing.places
    for declared in writing.kind.fields:
        if declared.name not in writing.batch.columns or declared.personal:
            continue
        if declared.name in writing.ids:
            ids = writing.ids[declared.name][places]
            columns[declared.target] = pa.array(ids, mask=ids == UNKNOWN)
        elif declared.target in writing.kind.table.c:
            columns[declared.target] = writing.taken(declared.name)
    columns |= {name: writing.taken(name) for name in DERIVED if name in writing.batch.columns}
    return pa.table(columns | {"batch_id": writing.same_batch(len(places))})


def sealed_table(writing: Writing, owner: str) -> tuple[pa.Table, list[str], np.ndarray]:
    """The rows with their personal columns encrypted for the customer named in the field `owner`.

    Also the key's columns, and a mask of the rows in which a personal value is new.
    """
    kind = writing.kind
    key = [KEY_HASHES.get(column, column) for column in kind.key_columns]
    personal = {
        declared.name: writing.taken(declared.name)
        for declared in kind.fields
        if declared.personal and declared.name in writing.batch.columns
    }
    data = table_of(writing)
    if not personal:
        return data, key, np.zeros(data.num_rows, dtype=bool)
    owners = writing.taken(owner).to_pylist()
    data = add_hashes(kind, writing.cipher, personal, data)
    data, changed = seal(writing.writer, kind, writing.cipher, personal, data, key, owners)
    return data, key, changed


def write_rows(writing: Writing) -> MergeCounts:
    """Write a kind whose rows are rows of its table."""
    kind = writing.kind
    data, key, _changed = sealed_table(writing, "customer_id")
    writing.writer.stage("staged", kind.table, data)
    return writing.writer.merge("staged", kind.table, key, kind.fact_columns)


def earliest(keys: np.ndarray, moments: pa.Array) -> pd.Series[pd.Timestamp]:
    """The first moment of each key, in UTC without saying so; pandas has no cheap aware ones."""
    naive = moments.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    return pd.Series(naive).groupby(keys).min()


def as_moments(naive: pd.Series[pd.Timestamp]) -> pa.Array:
    return pa.array(naive.to_numpy(dtype="datetime64[us]")).cast(pa.timestamp("us", "UTC"))
