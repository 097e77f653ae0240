"""What MLflow loads of a table's model: rows with its columns in, probabilities and reasons out.

MLflow finds `_load_pyfunc` by its name, so that no pickled object and no code travels with a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from ml.artefacts import CHAMPION
from ml.logs.reason_texts import sentences
from ml.tables.model import TableModel

OUTPUTS: Mapping[str, Literal["double", "string"]] = MappingProxyType(
    {"churn_probability": "double", "churn_reasons": "string", "reasons_text": "string"}
)


class ServedTable:
    """Predicts rows with the columns that the model learned from; others don't matter."""

    def __init__(self, model: TableModel) -> None:
        self._model = model

    def predict(self, data: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row of `OUTPUTS` for each row; `params` is MLflow's, and there are none."""
        del params
        table = pa.Table.from_pandas(data, preserve_index=False)
        reasons = self._model.reasons(table)
        columns = [self._model.predict(table), reasons, [sentences(each) for each in reasons]]
        return pd.DataFrame(dict(zip(OUTPUTS, columns, strict=True)), index=data.index)


def _load_pyfunc(data_path: str) -> ServedTable:
    folder = Path(data_path)
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (f"{CHAMPION}.json", f"{CHAMPION}.ubj")
    }
    return ServedTable(TableModel.load(folder, CHAMPION, files, threads=1))
