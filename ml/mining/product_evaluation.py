"""Are the recommendations any good: held against simple ones on a month nobody had seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.backends import connect
from ml.contracts import DAY
from ml.facts import FactStore
from ml.mining.baskets import Ints, contains
from ml.mining.product_ranking import Candidates, View
from ml.mining.products import EXCLUDE_DAYS, LOOKBACK_DAYS, Recommender, Scope, teach
from ml.sample import Floats

TOP = 10
CUSTOMERS_AT_ONCE = 500
Method = Callable[[View, Candidates], Floats]


@dataclass(frozen=True)
class Judged:
    """How one method did; means over `customers` who bought something of the scope, 0 if none.

    `hit_rate`: a bought product is among the ten. `recall`: bought ones among the ten, divided by
    all bought, at most ten. `ndcg` and `mean_average_precision` reward what stands higher.
    """

    method: str
    scope: Scope
    customers: int
    hit_rate: float
    recall: float
    ndcg: float
    mean_average_precision: float


def evaluate_recommendations(
    store: Path | FactStore,
    *,
    cutoff: int,
    horizon_days: int = 28,
    lookback_days: int = LOOKBACK_DAYS,
    exclude_days: float = EXCLUDE_DAYS,
    threads: int = 1,
) -> tuple[Judged, ...]:
    """Recommend as of `cutoff - horizon_days` and look at what was bought until `cutoff`.

    Customers are all who had bought before and bought again. No method may offer what was just
    bought (`exclude_days`, 0 to allow it). In scope "new" only products count that the customer
    had not bought within the lookback.

    Raises:
        NotEnoughHistory: no purchase before the held-out time names its product.
    """
    facts = store if isinstance(store, FactStore) else FactStore(store)
    with connect(threads) as backend:
        backend.open(facts)
        taught = teach(
            backend,
            cutoff - horizon_days * DAY,
            horizon_days=horizon_days,
            lookback_days=lookback_days,
        )
        baskets = taught.view.baskets
        truth = baskets.keys_bought_next(backend, horizon_days)
    own = baskets.row * len(baskets.products) + baskets.column
    truths: Mapping[Scope, Ints] = {"all": truth, "new": truth[~contains(own, truth)]}
    return tuple(
        _judge(name, scope, picked, truths[scope], len(baskets.products))
        for scope in truths
        for name, picked in _picks(taught, scope, exclude_days)
    )


def _picks(taught: Recommender, scope: Scope, exclude_days: float) -> Iterator[tuple[str, Ints]]:
    """Each method's `row * products + column`, by customer, best first."""
    baskets = taught.view.baskets
    width = len(baskets.products)
    offers = list(taught.offers(top=TOP, exclude_days=exclude_days, scope=scope))
    yield "echelon", np.concatenate([each.found.row * width + each.found.column for each in offers])
    barred = _barred(taught, scope, exclude_days)
    yield "popularity", _popular(taught.view, barred)
    if scope == "all":
        free = ~contains(barred, baskets.row * width + baskets.column)
        row, column = baskets.row[free], baskets.column[free]
        order = np.lexsort((column, baskets.last_days[free], -baskets.visits[free], row))
        yield "own most bought", row[order] * width + column[order]
    yield "item-item cosine", _cosine(taught.view, barred)


def _barred(taught: Recommender, scope: Scope, exclude_days: float) -> Ints:
    """What must not be offered to whom, sorted."""
    baskets = taught.view.baskets
    soon = np.minimum(exclude_days, taught.view.cycle / 2.0)
    barred = (baskets.last_days < soon) | (scope == "new")
    return (baskets.row * len(baskets.products) + baskets.column)[barred]


def _popular(view: View, barred: Ints) -> Ints:
    return _best(view, barred, lambda rows: np.tile(-np.arange(view.bought.shape[1]), (rows, 1)))


def _cosine(view: View, barred: Ints) -> Ints:
    """Nearest by plain cosine of who bought what, a product being no neighbour of itself."""
    once = view.baskets.matrix(view.affinity.columns, fading=False)
    together = np.asarray((once.T @ once).todense())
    size = np.sqrt(np.diag(together))
    np.fill_diagonal(together, 0.0)
    near = together / np.maximum(np.outer(size, size), 1.0)
    rows = iter(range(0, once.shape[0], CUSTOMERS_AT_ONCE))
    return _best(view, barred, lambda count: once[(at := next(rows)) : at + count] @ near)


def _best(
    view: View,
    barred: Ints,
    score: Callable[[int], npt.NDArray[np.float64] | npt.NDArray[np.int64]],
) -> Ints:
    """The products of highest score that are not barred, for each customer in turn."""
    known, width = view.affinity.columns, len(view.baskets.products)
    picks = []
    for start in range(0, len(view.baskets.customers), CUSTOMERS_AT_ONCE):
        rows = np.arange(start, min(start + CUSTOMERS_AT_ONCE, len(view.baskets.customers)))
        keys = rows[:, None] * width + known
        values = np.where(
            contains(barred, keys.ravel()).reshape(keys.shape), -np.inf, score(len(rows))
        )
        order = np.argsort(-values, axis=1, kind="stable")[:, :TOP]
        picks.append(np.take_along_axis(keys, order, axis=1).ravel())
    return np.concatenate(picks)


def _judge(name: str, scope: Scope, picked: Ints, truth: Ints, width: int) -> Judged:
    buyers, bought = np.unique(truth // width, return_counts=True)
    if not len(buyers):
        return Judged(name, scope, 0, 0.0, 0.0, 0.0, 0.0)
    row = picked // width
    starts = np.searchsorted(row, buyers)
    place = starts[:, None] + np.arange(TOP)
    inside = np.minimum(place, max(len(row) - 1, 0))
    same = (place < len(row)) & (row[inside] == buyers[:, None])
    hits = same & contains(truth, picked[inside].ravel()).reshape(inside.shape)
    possible = np.minimum(bought, TOP)
    discount = 1.0 / np.log2(np.arange(2, TOP + 2))
    precision = np.cumsum(hits, axis=1) / np.arange(1, TOP + 1)
    return Judged(
        name,
        scope,
        len(buyers),
        hit_rate=float(hits.any(axis=1).mean()),
        recall=float((hits.sum(axis=1) / possible).mean()),
        ndcg=float(((hits * discount).sum(axis=1) / np.cumsum(discount)[possible - 1]).mean()),
        mean_average_precision=float(((hits * precision).sum(axis=1) / possible).mean()),
    )
