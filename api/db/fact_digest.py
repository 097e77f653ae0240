"""One number for the content of a table, whatever the order of its rows: to prove two equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Digest:
    rows: int
    checksum: int


def digest(batches: Iterable[pa.RecordBatch]) -> Digest:
    """A sum of row hashes: the same for the same rows in any order."""
    rows = checksum = 0
    for batch in batches:
        hashes = np.zeros(batch.num_rows, dtype=np.uint64)
        for column in batch.columns:
            hashes = hashes * np.uint64(31) + _hash_values(column)
        rows += batch.num_rows
        checksum += int(_mix(hashes).sum(dtype=np.uint64))
    return Digest(rows, checksum % 2**64)


def _hash_values(column: pa.Array) -> np.ndarray:
    """64 bits a value; a missing one has its own."""
    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        words = [
            int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
            for word in encoded.dictionary.to_pylist()
        ]
        hashes = np.array([*words, 1], dtype=np.uint64)
        codes = pc.fill_null(encoded.indices, len(words)).to_numpy(zero_copy_only=False)
        return np.asarray(hashes[codes])
    known = pc.is_valid(column).to_numpy(zero_copy_only=False)
    filled = pc.fill_null(column, pa.scalar(0, column.type)).to_numpy(zero_copy_only=False)
    return np.where(known, _mix(filled.view(np.uint64)), np.uint64(1))


def _mix(values: np.ndarray) -> np.ndarray:
    """SplitMix64's finisher: every bit of the input moves every bit of the result."""
    mixed = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
