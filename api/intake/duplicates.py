"""Rows that a file holds twice, found across its batches in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_sqlite import dbapi as sqlite

from api.db.bulk import execute, fetch
from api.intake.texts import flat

HASH_KEYS = ("echelon/first/16", "echelon/second16")
"""Two 64-bit hashes of a key: equal pairs are equal keys for all practical purposes."""


class SeenRows:
    """The keys of the good rows so far, in SQLite's temporary storage, which spills to disk.

    It holds hashes, row numbers and no values.
    """

    def __init__(self) -> None:
        self._connection = sqlite.connect(":memory:")
        execute(
            self._connection,
            "CREATE TEMPORARY TABLE seen (first INTEGER, second INTEGER, row_number INTEGER, "
            "content INTEGER, PRIMARY KEY (first, second)) WITHOUT ROWID",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def earlier(self, rows: pd.DataFrame) -> pd.DataFrame:
        """For each row the number and content of the first good row of its key, or missing.

        `rows` has the columns first, second, row_number, content and is in file order; the first
        of a key within it counts as earlier than the others.
        """
        self._stage(rows)
        found = fetch(
            self._connection,
            "SELECT i.row_number, s.row_number AS first_row, s.content AS first_content "
            "FROM incoming i JOIN seen s ON s.first = i.first AND s.second = i.second",
        ).to_pandas()
        here = rows.groupby(["first", "second"], sort=False)[["row_number", "content"]].transform(
            "first"
        )
        result = pd.DataFrame(
            {"first_row": here["row_number"], "first_content": here["content"]}, index=rows.index
        )
        if len(found):
            found = found.astype("int64").set_index("row_number")
            known = rows["row_number"].isin(found.index)
            numbers = rows.loc[known, "row_number"]
            result.loc[known, "first_row"] = found.loc[numbers, "first_row"].to_numpy()
            result.loc[known, "first_content"] = found.loc[numbers, "first_content"].to_numpy()
        return result

    def remember(self, rows: pd.DataFrame) -> None:
        self._stage(rows)
        execute(
            self._connection,
            "INSERT OR IGNORE INTO seen SELECT first, second, row_number, content FROM incoming "
            "ORDER BY first, second, row_number",
        )

    def _stage(self, rows: pd.DataFrame) -> None:
        execute(self._connection, "DROP TABLE IF EXISTS incoming")
        with self._connection.cursor() as cursor:
            table = pa.Table.from_pandas(rows, preserve_index=False)
            cursor.adbc_ingest("incoming", table, mode="create", temporary=True)


def hashed_rows(
    columns: dict[str, pa.Array], key: Sequence[str], row_numbers: np.ndarray
) -> pd.DataFrame:
    """The rows as `SeenRows` wants them; `columns` are of the good rows only."""
    joined = pc.binary_join_element_wise(
        *[pc.fill_null(columns[name].cast(pa.string()), "") for name in key], "\x1f"
    ).to_numpy(zero_copy_only=False)
    first, second = (
        pd.util.hash_array(joined, hash_key=hash_key, categorize=False).view("int64")
        for hash_key in HASH_KEYS
    )
    content = np.zeros(len(row_numbers), dtype=np.uint64)
    for name in sorted(set(columns) - set(key)):
        content = content * np.uint64(31) + _hash(columns[name])
    return pd.DataFrame(
        {
            "first": first,
            "second": second,
            "row_number": row_numbers,
            "content": content.view("int64"),
        }
    )


def _hash(column: pa.Array) -> np.ndarray:
    """64 bits for each value, by way of the distinct ones."""
    encoded = flat(column, "").cast(pa.string()).dictionary_encode()
    words = encoded.dictionary.to_numpy(zero_copy_only=False)
    hashes = np.append(pd.util.hash_array(words, categorize=False), np.uint64(0))
    codes = pc.fill_null(encoded.indices, len(words)).to_numpy(zero_copy_only=False)
    return np.asarray(hashes[codes], dtype=np.uint64)
