"""What MLflow loads: native files in, calibrated probabilities or values out; never a class.

MLflow finds `_load_pyfunc` by its name, so that no pickled object and no code travels with a model.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.artefacts import CHAMPION
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.sample import Sample

OUTPUTS = {
    "churn": ("churn_probability",),
    "clv": ("clv_minor", "clv_low_minor", "clv_high_minor"),
}


class Served:
    """Predicts from a table of features named as in `ml.features`; absent columns are unknown."""

    def __init__(self, model: ChurnModel | ClvModel) -> None:
        self._model = model

    def predict(self, data: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row of `OUTPUTS` for each row; `params` is MLflow's, and there are none."""
        del params
        model = self._model
        sample = model.habit.extend(_sample(data), model.horizon_days)
        if isinstance(model, ChurnModel):
            columns = [model.predict(sample)]
        else:
            value = model.predict(sample)
            columns = [value.expected, value.low, value.high]
        return pd.DataFrame(dict(zip(OUTPUTS[model.kind], columns, strict=True)), index=data.index)


def _sample(data: pd.DataFrame) -> Sample:
    rows = len(data)
    return Sample(
        codes=tuple(str(name) for name in data.columns),
        values=data.to_numpy(np.float32, na_value=np.nan),
        cutoff=np.zeros(rows, np.int64),
        customer_id=np.arange(rows, dtype=np.int64),
        churned=np.zeros(rows, np.bool_),
        value=np.zeros(rows),
    )


def _load_pyfunc(data_path: str) -> Served:
    folder = Path(data_path)
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (f"{CHAMPION}.json", f"{CHAMPION}.ubj")
    }
    kind = json.loads((folder / f"{CHAMPION}.json").read_bytes())["kind"]
    if kind == ChurnModel.kind:
        return Served(ChurnModel.load(folder, CHAMPION, files, threads=1))
    return Served(ClvModel.load(folder, CHAMPION, files, threads=1))
