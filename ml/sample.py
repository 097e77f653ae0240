"""A sample: buyers at cut-offs with their features, and the one query that makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.backends import Backend
from ml.contracts import MEASURE_COLUMNS, AttributeField
from ml.facts import arrow_schema
from ml.features import feature_codes, features_sql, measures_sql
from ml.measures import EXPRESSIONS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Buyers at one or more cut-offs: a row each, sorted by cut-off and customer."""

    codes: tuple[str, ...]
    values: npt.NDArray[np.float32]
    cutoff: npt.NDArray[np.int64]
    customer_id: npt.NDArray[np.int64]
    churned: npt.NDArray[np.bool_]
    value: Floats
    """Labels: no purchase in the window, and money in it, in minor units, never negative. Both are
    of no meaning where the window lies in the future."""

    def __len__(self) -> int:
        return len(self.cutoff)

    def where(self, mask: npt.NDArray[np.bool_]) -> Sample:
        return replace(
            self,
            values=self.values[mask],
            cutoff=self.cutoff[mask],
            customer_id=self.customer_id[mask],
            churned=self.churned[mask],
            value=self.value[mask],
        )

    def matrix(self, codes: Sequence[str]) -> npt.NDArray[np.float32]:
        """The columns a model wants, in its order; one it knows and we don't is all unknown."""
        place = {code: index for index, code in enumerate(self.codes)}
        columns = np.full((len(self), len(codes)), np.nan, np.float32)
        for index, code in enumerate(codes):
            if code in place:
                columns[:, index] = self.values[:, place[code]]
        return columns

    def column(self, code: str) -> Floats:
        return self.values[:, self.codes.index(code)].astype(np.float64)

    def with_columns(self, columns: Mapping[str, Floats]) -> Sample:
        """The same rows with more features after the others."""
        added = [column.astype(np.float32) for column in columns.values()]
        return replace(
            self,
            codes=(*self.codes, *columns),
            values=np.column_stack([self.values, *added]),
        )


def measure_and_sample(
    backend: Backend, attributes: Sequence[AttributeField], cutoff: int
) -> tuple[pa.Table, Sample]:
    """One cut-off for scoring: measures of everyone known, and a sample of the buyers."""
    backend.cut([cutoff])
    table = backend.query(features_sql(attributes, with_measures=True))
    return _measures(table), _sample(table, attributes)


def measures_at(backend: Backend, cutoffs: Sequence[int], permille: int | None = None) -> pa.Table:
    """Measures of everyone known at each cut-off, after a column `cutoff`; sorted by the two.

    With `permille` only of a sample of so many in a thousand customers, the same at each cut-off.
    """
    backend.cut(cutoffs)
    table = backend.query(measures_sql(permille))
    return _measures(table).add_column(0, "cutoff", table["cutoff"])


def sample_at(
    backend: Backend, attributes: Sequence[AttributeField], cutoffs: Sequence[int]
) -> Sample:
    """Buyers at each cut-off, not labelled yet."""
    backend.cut(cutoffs)
    return _sample(backend.query(features_sql(attributes)), attributes)


def join(parts: Sequence[Sample]) -> Sample:
    """Samples with the same columns, one after the other."""
    return Sample(
        codes=parts[0].codes,
        values=np.concatenate([part.values for part in parts]),
        cutoff=np.concatenate([part.cutoff for part in parts]),
        customer_id=np.concatenate([part.customer_id for part in parts]),
        churned=np.concatenate([part.churned for part in parts]),
        value=np.concatenate([part.value for part in parts]),
    )


def _measures(table: pa.Table) -> pa.Table:
    """The columns of `MEASURE_COLUMNS`, in their types."""
    columns = [table["customer_id"], *(table[f"{name}_measure"] for name in EXPRESSIONS)]
    return pa.table(columns, names=list(MEASURE_COLUMNS)).cast(arrow_schema(MEASURE_COLUMNS))


def _sample(table: pa.Table, attributes: Sequence[AttributeField]) -> Sample:
    codes = feature_codes(attributes)
    buyers = table.filter(pc.greater(table["visits"], 0))
    first = len(buyers.column_names) - len(codes)
    values = np.empty((buyers.num_rows, len(codes)), np.float32)
    for index in range(len(codes)):
        values[:, index] = buyers.column(first + index).to_numpy()
    return Sample(
        codes=codes,
        values=values,
        cutoff=buyers["cutoff"].to_numpy(),
        customer_id=buyers["customer_id"].to_numpy(),
        churned=np.zeros(buyers.num_rows, np.bool_),
        value=np.zeros(buyers.num_rows),
    )
