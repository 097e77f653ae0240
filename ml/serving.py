"""What MLflow loads: native files in, the product's own numbers out; never a class.

MLflow finds `_load_pyfunc` by its name, so that no pickled object and no code travels with a model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from ml.artefacts import CHAMPION
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.explain import reasons
from ml.features import reason_text
from ml.sample import Sample

OUTPUTS: Mapping[str, Mapping[str, Literal["double", "string"]]] = MappingProxyType(
    {
        "churn": MappingProxyType(
            {"churn_probability": "double", "churn_reasons": "string", "reasons_text": "string"}
        ),
        "clv": MappingProxyType(
            {
                "clv_minor": "double",
                "clv_low_minor": "double",
                "clv_high_minor": "double",
                "clv_reasons": "string",
                "reasons_text": "string",
            }
        ),
    }
)
"""Columns and MLflow types; those also in `ml.contracts.PREDICTION_COLUMNS` hold the same values.
`reasons_text` says the reasons in English, strongest first, money in minor units."""


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
            numbers = [model.predict(sample)]
        else:
            value = model.predict(sample)
            numbers = [np.rint(part) for part in (value.expected, value.low, value.high)]
        # The last column is the bias: the same for everyone, so no reason.
        why = reasons(model.codes, sample.matrix(model.codes), model.effects(sample)[:, :-1])
        columns = [*numbers, why, [readable(each) for each in why]]
        return pd.DataFrame(dict(zip(OUTPUTS[model.kind], columns, strict=True)), index=data.index)


def readable(reasons_json: str) -> str:
    """The reasons of one customer as a line for people."""
    found: list[dict[str, Any]] = json.loads(reasons_json)
    return "; ".join(
        reason_text(str(each["code"]), each["value"], currency_exponent=0) for each in found
    )


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
