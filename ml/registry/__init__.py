"""The model registry: the only package that imports MLflow. Runs, versions and the champion."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# Read by MLflow when it is imported: an installation talks to nobody unasked.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
# Its own patience with a server that is away is several minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")

from ml.registry.store import ALIAS, EXPERIMENT, prepare_store
from ml.registry.versions import (
    MODEL_FILES,
    ChampionRef,
    champion,
    download,
    fetch,
    latest_version,
    set_champion,
)

if TYPE_CHECKING:
    from ml.registry.runs import Registered, judge, log_evaluation, record, register
    from ml.registry.tables import log_table_review, register_table

_LATER = {
    "Registered": "runs",
    "judge": "runs",
    "log_evaluation": "runs",
    "log_table_review": "tables",
    "record": "runs",
    "register": "runs",
    "register_table": "tables",
}

__all__ = [
    "ALIAS",
    "EXPERIMENT",
    "MODEL_FILES",
    "ChampionRef",
    "Registered",
    "champion",
    "download",
    "fetch",
    "judge",
    "latest_version",
    "log_evaluation",
    "log_table_review",
    "prepare_store",
    "record",
    "register",
    "register_table",
    "set_champion",
]


def __getattr__(name: str) -> Any:
    """Recording a run loads models, plots and reports; changing a champion is done without them."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
