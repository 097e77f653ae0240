"""Stored scores as the columns that readers get: the names and values of `riskScores`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.domain.global_ids import global_ids
from api.domain.risk import RISK_BANDS

MOMENT = pa.timestamp("us", "UTC")
BANDS = pa.array([band for band, _ in RISK_BANDS])
SHOWN_BANDS = pa.array([band.upper() for band, _ in RISK_BANDS])
FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    ("customerId", pa.string()),
    ("externalId", pa.string()),
    ("churnProbability", pa.float64()),
    ("churnPercentile", pa.float64()),
    ("riskBand", pa.string()),
    ("clv", pa.float64()),
    ("horizonDays", pa.int32()),
    ("asOf", pa.date32()),
    ("scoredAt", MOMENT),
    ("validUntil", MOMENT),
    ("modelVersion", pa.string()),
    ("revision", pa.int64()),
    ("deleted", pa.bool_()),
    ("reasons", pa.string()),
)
"""`reasons` is JSON text: a list of `code`, `value` and `effect`."""
FORGOTTEN = ("churnProbability", "churnPercentile", "riskBand", "clv")
"""What the end of a score no longer tells."""


@dataclass(frozen=True)
class Shaper:
    """Turns batches of stored rows into what readers get.

    `versions` maps runs to model versions; amounts are in minor units of `exponent` digits.
    """

    versions: Mapping[int, str]
    exponent: int

    def shape(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        stored = {name: batch.column(name) for name in batch.schema.names}
        known = sorted(set(self.versions.values()))
        columns = {
            "customerId": global_ids("Customer", stored["customer_id"]),
            "externalId": stored["external_id"],
            "churnProbability": stored["churn_probability"],
            "churnPercentile": stored["churn_percentile"],
            "riskBand": _band(stored["risk_band"]),
            "clv": self._major(stored["clv_minor"]),
            "horizonDays": stored["horizon_days"],
            "asOf": stored["as_of"],
            "scoredAt": _moment(stored["scored_at"]),
            "validUntil": _moment(stored["valid_until"]),
            "modelVersion": self._versions(stored["run_id"], known),
            "revision": stored["revision"],
            "deleted": self._ended(stored, batch.num_rows),
            "reasons": stored["churn_reasons"],
        }
        if "ended" in stored:
            ended = columns["deleted"]
            for name in FORGOTTEN:
                nothing = pa.scalar(None, columns[name].type)
                columns[name] = pc.if_else(ended, nothing, columns[name])
            columns["reasons"] = pc.if_else(ended, "[]", columns["reasons"])
        arrays = [_cast(columns[name], kind) for name, kind in FIELDS]
        return pa.RecordBatch.from_arrays(arrays, names=[name for name, _ in FIELDS])

    def _major(self, minor: pa.Array) -> pa.Array:
        return pa.array(minor.to_numpy().astype(np.float64) / 10**self.exponent)

    def _versions(self, runs: pa.Array, known: Sequence[str]) -> pa.Array:
        ids = pa.array(list(self.versions), pa.int64())
        places = np.array([known.index(version) for version in self.versions.values()], np.int32)
        found = pc.index_in(runs, ids).to_numpy(zero_copy_only=False)
        return pa.DictionaryArray.from_arrays(pa.array(places[found]), pa.array(known))

    @staticmethod
    def _ended(stored: Mapping[str, pa.Array], rows: int) -> pa.Array:
        if "ended" in stored:
            return pc.cast(stored["ended"], pa.bool_())
        return pa.array(np.zeros(rows, dtype=bool))


def _band(column: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pc.index_in(column, BANDS), SHOWN_BANDS)


def _moment(column: pa.Array) -> pa.Array:
    """SQLite keeps moments as texts in UTC."""
    if pa.types.is_string(column.type):
        return pc.cast(column, pa.timestamp("us")).cast(MOMENT)
    return column


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column if column.type == kind else column.cast(kind)
