"""What sets two groups of customers apart, and what one group buys together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from ml.backends import connect
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.mining.baskets import Ints
from ml.mining.difference_sql import What, buyers_sql, orders_sql

LOOKBACK_DAYS = 365
MIN_BUYERS = 5
MOST_VALUES = 300
MIN_ORDERS = 20
Value = str | int


@dataclass(frozen=True)
class Difference:
    """A department, brand or product id that one group buys more or less than the other.

    Supports are shares of customers who bought it; `lift` is the ratio of both, each counted with
    half a customer more; `z` the two-proportion statistic: how sure, and in which direction.
    """

    what: What
    value: Value
    support_inside: float
    support_outside: float
    lift: float
    z: float


@dataclass(frozen=True)
class Association:
    """Two values in one order: `support` is the share of orders with both, `confidence` of those
    with the first that have the second too, `lift` its ratio to the second's own share."""

    first: Value
    second: Value
    support: float
    confidence: float
    lift: float


def differences(
    store: Path | FactStore,
    *,
    cutoff: int,
    inside: Ints,
    outside: Ints,
    what: What = "department",
    lookback_days: int = LOOKBACK_DAYS,
    top: int = 10,
    threads: int = 1,
) -> tuple[Difference, ...]:
    """What the customers `inside` buy more (or less) than those `outside` of it, surest first.

    Values that fewer than MIN_BUYERS of both groups together bought are left out.

    Raises:
        NotEnoughHistory: a group is empty.
    """
    rest = np.setdiff1d(outside, inside)
    if not len(rest):
        raise NotEnoughHistory("There is nobody to compare the group with: choose another one.")
    table = _ask(store, cutoff, inside, rest, buyers_sql(what, lookback_days), threads)
    ours, theirs = (table[name].to_numpy().astype(np.float64) for name in ("inside", "outside"))
    many, others = float(len(np.unique(inside))), float(len(rest))
    share, other_share = ours / many, theirs / others
    pooled = (ours + theirs) / (many + others)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / many + 1.0 / others))
    z = np.divide(share - other_share, error, out=np.zeros_like(error), where=error > 0)
    lift = ((ours + 0.5) / (many + 1.0)) / ((theirs + 0.5) / (others + 1.0))
    values = table["value"].to_pylist()
    order = [
        at for at in np.argsort(-np.abs(z), kind="stable") if ours[at] + theirs[at] >= MIN_BUYERS
    ]
    return tuple(
        Difference(
            what,
            values[at],
            *(round(float(each[at]), 6) for each in (share, other_share, lift, z)),
        )
        for at in order[:top]
        if z[at] != 0.0
    )


def associations(
    store: Path | FactStore,
    *,
    cutoff: int,
    inside: Ints,
    what: What = "department",
    lookback_days: int = LOOKBACK_DAYS,
    top: int = 10,
    threads: int = 1,
) -> tuple[Association, ...]:
    """Pairs that a group buys in one order more often than chance, most telling first.

    Looks at the MOST_VALUES most frequent values and at pairs in at least MIN_ORDERS orders.

    Raises:
        NotEnoughHistory: the group is empty.
    """
    nobody = np.zeros(0, np.int64)
    sql = orders_sql(what, lookback_days, MOST_VALUES)
    table = _ask(store, cutoff, inside, nobody, sql, threads)
    orders, row = np.unique(table["order_id"].to_numpy(), return_inverse=True)
    values, column = np.unique(table["value"].to_numpy(zero_copy_only=False), return_inverse=True)
    bought = sp.csr_matrix(
        (np.ones(len(row)), (row.ravel(), column.ravel())), shape=(len(orders), len(values))
    )
    together = np.asarray((bought.T @ bought).todense())
    alone = np.diag(together).copy()
    np.fill_diagonal(together, 0.0)
    first, second = np.nonzero(together >= MIN_ORDERS)
    both = together[first, second]
    confidence = both / alone[first]
    lift = confidence * len(orders) / alone[second]
    support = both / max(len(orders), 1)
    back = both / alone[second]
    better = (lift > 1.0) & ((confidence > back) | ((confidence == back) & (first < second)))
    gain = np.where(better, support * np.log(lift), -np.inf)
    order = np.argsort(-gain, kind="stable")[:top]
    names = values.tolist()
    return tuple(
        Association(
            names[first[at]],
            names[second[at]],
            *(round(float(each[at]), 6) for each in (support, confidence, lift)),
        )
        for at in order
        if better[at]
    )


def _ask(
    store: Path | FactStore, cutoff: int, inside: Ints, outside: Ints, sql: str, threads: int
) -> pa.Table:
    if not len(inside):
        raise NotEnoughHistory("There is nobody in the group: choose another one.")
    facts = store if isinstance(store, FactStore) else FactStore(store)
    ids = [np.unique(inside), outside]
    members = pa.table(
        {
            "customer_id": np.concatenate(ids).astype(np.int64),
            "inside": np.repeat(np.array([1, 0], np.int64), [len(each) for each in ids]),
        }
    )
    with connect(threads) as backend:
        backend.open(facts)
        backend.cut([cutoff])
        backend.register("members", members)
        return backend.query(sql)
