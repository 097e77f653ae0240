"""Stores and models that several tests look at; made once, never changed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml.contracts import AttributeField, cutoff_of
from ml.facts import TABLES, FactStoreWriter, arrow_schema
from ml.synthetic import ATTRIBUTE_FIELDS, Business, write_synthetic
from ml.training import TrainedModel, train

Rows = Mapping[str, list[dict[str, Any]]]
BUSINESS = Business(customers=400, days=300)
CHURN_HORIZON = 28
CLV_HORIZON = 56
CUTOFF = cutoff_of(BUSINESS.last_day, "UTC")


def write_rows(
    path: Path,
    rows: Rows,
    attributes: tuple[AttributeField, ...] = ATTRIBUTE_FIELDS,
    time_zone: str = "UTC",
) -> Path:
    """A fact store of these rows by table; columns that a row leaves out are empty."""
    writer = FactStoreWriter(
        path,
        epoch=1,
        watermark=1,
        base_currency="USD",
        currency_exponent=2,
        time_zone=time_zone,
        attributes=attributes,
        keep=None,
    )
    for name, values in rows.items():
        table = TABLES[name]
        schema = arrow_schema(table.columns)
        writer.append(table, pa.Table.from_pylist(values, schema=schema).to_batches())
    writer.commit()
    return path


def sha256_of(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file()
    }


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared MLflow store to copy: making one takes long."""
    from ml import registry

    folder = tmp_path_factory.mktemp("mlflow")
    registry.prepare_store(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    return folder / "mlflow.db"


def copied_store(template: Path, folder: Path) -> str:
    """The URI of a store of a test's own."""
    folder.mkdir(exist_ok=True)
    shutil.copy(template, folder / "mlflow.db")
    return f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("facts")
    write_synthetic(path, BUSINESS, seed=1)
    return path


@pytest.fixture(scope="session")
def train_churn(store: Path) -> Callable[[Path], TrainedModel]:
    def run(folder: Path) -> TrainedModel:
        return train(
            store,
            "churn",
            as_of=BUSINESS.last_day,
            horizon_days=CHURN_HORIZON,
            threads=1,
            folder=folder,
        )

    return run


@pytest.fixture(scope="session")
def churn(
    train_churn: Callable[[Path], TrainedModel], tmp_path_factory: pytest.TempPathFactory
) -> TrainedModel:
    return train_churn(tmp_path_factory.mktemp("churn"))


@pytest.fixture(scope="session")
def clv(store: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return train(
        store,
        "clv",
        as_of=BUSINESS.last_day,
        horizon_days=CLV_HORIZON,
        threads=1,
        folder=tmp_path_factory.mktemp("clv"),
    )
