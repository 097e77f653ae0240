"""Facts, measures and predictions of all customers as the columns that decisions read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from api.db.population import Population
from ml.contracts import MEASURE_COLUMNS

Column = npt.NDArray[Any]
Columns = dict[str, Column]

SECONDS_A_DAY = 86_400
NO_DAY = np.datetime64("NaT", "D")
MONEY_SUFFIX = "_minor"
DAY_MEASURES = frozenset({"intent_expected_on"})
UNPUBLISHED = frozenset({"first_order_at", "last_order_at", "net_spend_month_minor"})
PROFILE_MEASURES = tuple(
    name for name in MEASURE_COLUMNS if name != "customer_id" and name not in UNPUBLISHED
)
"""The measures that are published as columns of `customer_profiles`, under these very names."""


def objects(column: pa.ChunkedArray) -> Column:
    """Values as Python objects, None for null; equal texts are one object."""
    if not pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object)
    encoded = column.combine_chunks().dictionary_encode()
    known = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    values: Column = known[encoded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)]
    return values


def aligned(ids: Column, keys: Column, values: Column, missing: Any) -> Column:
    """Values by key, spread over the sorted `ids`; customers without one get `missing`."""
    dtype: Any = object if missing is None else np.asarray(missing).dtype
    out: Column = np.full(len(ids), missing, dtype=dtype)
    if not len(ids):
        return out
    place = np.minimum(np.searchsorted(ids, keys), len(ids) - 1)
    inside = ids[place] == keys
    out[place[inside]] = values[inside]
    return out


def measure_columns(measures: pa.Table) -> Columns:
    """Measures as scoring returns them, money without its suffix but in minor units still.

    Null numbers become NaN, null texts None, null days NaT.
    """
    return {
        name.removesuffix(MONEY_SUFFIX): _measure(name, measures[name])
        for name in measures.column_names
    }


def _measure(name: str, column: pa.ChunkedArray) -> Column:
    if pa.types.is_string(column.type):
        return objects(column)
    if name in DAY_MEASURES:
        days: Column = column.cast(pa.int32()).cast(pa.date32()).to_numpy()
        return days.astype("datetime64[D]")
    values: Column = column.to_numpy()
    return values


def profile_measures(columns: Columns) -> dict[str, pa.Array]:
    """The columns of `customer_profiles` that measures fill: `PROFILE_MEASURES`, in that order."""
    types = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
    published = {}
    for name in PROFILE_MEASURES:
        values = pa.array(columns[name.removesuffix(MONEY_SUFFIX)], from_pandas=True)
        day = name in DAY_MEASURES
        published[name] = values.cast(pa.date32() if day else types[MEASURE_COLUMNS[name]])
    return published


def prediction_columns(predictions: pa.Table, ids: Column) -> Columns:
    """Predictions spread over everyone; who has none gets NaN, and no risk band."""
    keys = predictions["customer_id"].to_numpy()
    numbers = {
        "churn_probability": "churn_probability",
        "churn_percentile": "churn_percentile",
        "clv": "clv_minor",
    }
    columns = {
        name: aligned(ids, keys, predictions[source].to_numpy(), np.nan)
        for name, source in numbers.items()
    }
    columns["risk_band"] = aligned(ids, keys, objects(predictions["risk_band"]), None)
    return columns


def customer_columns(population: Population, ids: Column, cutoff: int, time_zone: str) -> Columns:
    """Custom attributes as they were known at the cut-off; kind, industry and region as they are.

    Those three have no history, and no model reads them.
    """
    table = population.customers
    keys = table["customer_id"].to_numpy()
    columns = {
        name: aligned(ids, keys, objects(table[name]), None)
        for name in ("external_id", "kind", "industry", "region")
    }
    columns["known_at"] = aligned(ids, keys, local_days(table["known_at"], time_zone), NO_DAY)
    known = population.attributes.filter(pc.less(population.attributes["valid_from"], cutoff))
    for name, value_type in population.attribute_types.items():
        rows = known.filter(pc.equal(known["name"].cast(pa.string()), name))
        # The rows come by customer and moment: the last of each customer's counts.
        latest = {key: row for row, key in enumerate(rows["customer_id"].to_pylist())}
        rows = rows.take(pa.array(list(latest.values()), pa.int64()))
        keys = rows["customer_id"].to_numpy()
        columns[f"attribute.{name}"] = aligned(ids, keys, *_attribute_values(rows, value_type))
    return columns


def _attribute_values(rows: pa.Table, value_type: str) -> tuple[Column, Any]:
    """The values of one attribute and what stands for a missing one."""
    if value_type in ("number", "boolean"):
        return rows["number_value"].cast(pa.float64()).to_numpy(), np.nan
    texts = objects(rows["text_value"])
    if value_type == "date":
        return texts.astype("datetime64[D]"), NO_DAY
    return texts, None


def local_days(seconds: pa.ChunkedArray, time_zone: str) -> Column:
    moments = seconds.cast(pa.timestamp("s")).cast(pa.timestamp("s", "UTC"))
    local = moments.cast(pa.timestamp("s", time_zone))
    days: Column = pc.local_timestamp(local).cast(pa.date32()).to_numpy().astype("datetime64[D]")
    return days
