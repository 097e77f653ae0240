"""From a purchase log to a prediction for everyone seen in it, in the log's own words and units."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import cutoff_of
from ml.dataset import Progress
from ml.errors import BadLog
from ml.forecast import COLUMNS as BY_NUMBER
from ml.forecast import forecast
from ml.logs.purchase_log import PurchaseLog
from ml.logs.reason_texts import sentences
from ml.logs.store import write_log_store

COLUMNS = BY_NUMBER.set(0, pa.field("customer_id", pa.string()))
"""`reasons` holds sentences parted by "; ", strongest first."""
_MONEY = ("expected_spend", "spend_low", "spend_high")
_PRIOR_CUSTOMERS = 10
"""How many customers the average of all buyers weighs in the rate of those who never bought."""
NEVER_BOUGHT = "No purchase that stood: only returns, or cancelled at once"


@dataclass(frozen=True)
class LogForecast:
    table: pa.Table
    """`COLUMNS`, a row for each customer seen by then, sorted by customer."""
    notes: tuple[str, ...]


def forecast_log(
    log: PurchaseLog,
    *,
    as_of: dt.date,
    horizon_days: int,
    seed: int = 0,
    threads: int,
    progress: Progress | None = None,
    attributes: pa.Table | None = None,
    attribute_customer: str = "",
    allow_sensitive: bool = False,
    seconds: float | None = None,
) -> LogForecast:
    """Learn from the purchases up to the end of `as_of`; predict the `horizon_days` after it.

    Money is in the log's own units, null where the log has no amounts. Works in a temporary folder
    of its own and leaves nothing behind.

    Raises:
        MLError: the log, or its attributes, can't be used or can't teach anything.
    """
    known = log.known_at(as_of)
    with tempfile.TemporaryDirectory(prefix="echelon-log-") as folder:
        store = Path(folder) / "facts"
        notes = write_log_store(
            known,
            store,
            attributes=attributes,
            attribute_customer=attribute_customer,
            allow_sensitive=allow_sensitive,
        )
        found = forecast(
            store,
            as_of=as_of,
            horizon_days=horizon_days,
            seed=seed,
            threads=threads,
            progress=progress,
            seconds=seconds,
        )
    strangers = _never_bought(known, found)
    if len(strangers):
        rate = _return_rate(log, known, found, as_of, horizon_days)
        found = pa.concat_tables([found, _guessed(strangers, found, rate)])
        notes += (
            f"{len(strangers):,} customers have no purchase that stood; theirs is the rate at "
            "which such customers came back before.",
        )
    return LogForecast(_as_logged(known, found), (*known.notes, *notes))


def _never_bought(known: PurchaseLog, found: pa.Table) -> npt.NDArray[np.int64]:
    """Numbers of the customers that no model sees."""
    everyone = np.arange(len(known.customers)) + 1
    return np.setdiff1d(everyone, found["customer_id"].to_numpy())


def _return_rate(
    log: PurchaseLog, known: PurchaseLog, found: pa.Table, as_of: dt.date, horizon_days: int
) -> float:
    """The share of those who had never bought a horizon ago and bought since, shrunk to all's."""
    average = 1.0 - float(pc.mean(found["churn_probability"]).as_py())
    day = as_of - dt.timedelta(days=horizon_days)
    try:
        early = log.known_at(day)
    except BadLog:
        return average
    nobody = np.ones(len(early.customers), np.bool_)
    nobody[early.customer[early.bought]] = False
    then = early.customers.filter(pa.array(nobody))
    recent = known.bought & (known.moment >= cutoff_of(day, log.time_zone))
    buyers = known.customers.take(pa.array(np.unique(known.customer[recent])))
    came = int(pc.sum(pc.is_in(then, buyers)).as_py() or 0)
    return (came + _PRIOR_CUSTOMERS * average) / (len(then) + _PRIOR_CUSTOMERS)


def _guessed(strangers: npt.NDArray[np.int64], found: pa.Table, rate: float) -> pa.Table:
    """Rows for customers without a purchase: what buyers do on average, at the rate given."""
    buying = float(np.mean(1.0 - found["churn_probability"].to_numpy()))
    share = min(rate / buying, 1.0) if buying > 0 else 0.0
    rows = len(strangers)
    values: dict[str, object] = {
        "customer_id": strangers,
        "churn_probability": np.full(rows, 1.0 - rate),
        "spend_low": np.zeros(rows),
        "extrapolated": np.ones(rows, np.bool_),
        "reasons": ["[]"] * rows,
    }
    for name in ("expected_purchases", "expected_spend", "spend_high"):
        mean = pc.mean(found[name]).as_py()
        values[name] = [None if mean is None else share * mean] * rows
    return pa.table([pa.array(values[f.name], f.type) for f in found.schema], schema=found.schema)


def _as_logged(known: PurchaseLog, found: pa.Table) -> pa.Table:
    found = found.sort_by("customer_id")
    unit = 10.0**known.exponent
    columns = {name: found[name] for name in COLUMNS.names}
    columns["customer_id"] = known.customers.take(pa.array(found["customer_id"].to_numpy() - 1))
    for name in _MONEY:
        money = pc.divide(found[name], unit)
        # Nobody foretells money where none was ever paid; if the log says so, it stays at nothing.
        columns[name] = money if known.amount_minor is None else pc.fill_null(money, 0.0)
    columns["reasons"] = [
        sentences(text, "en", known.exponent) or NEVER_BOUGHT
        for text in found["reasons"].to_pylist()
    ]
    return pa.table([columns[name] for name in COLUMNS.names], schema=COLUMNS)
