"""What to offer each customer next, and why.

Candidates are what a customer bought before, which may be due again, and what others buy who buy
the same. `ml.mining.product_ranking` gives each the probability of a purchase within the horizon.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.backends import Backend, connect
from ml.contracts import DAY
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.mining.affinity import few, fit_affinity
from ml.mining.baskets import Baskets, Ints, contains
from ml.mining.product_ranking import Candidates, Ranker, View, learn
from ml.mining.product_sql import KNOWN_SQL
from ml.sample import Floats

Scope = Literal["all", "new"]
LOOKBACK_DAYS = 365
EXCLUDE_DAYS = 7
"""What was bought so recently is not offered, unless half of its own cycle has passed already."""
BATCH = 2_000
TEACHERS = 1_500
"""Customers that the probabilities are learned from."""
SCHEMA = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("rank", pa.int64()),
        ("product_id", pa.int64()),
        ("score", pa.float64()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class Offers:
    """Rows by customer and rank: places of customers and products, the pair, the probability."""

    found: Candidates
    rank: Ints
    score: Floats


@dataclass(frozen=True)
class Recommender:
    """Learned at one cut-off; `scope` "new" offers only what a customer never bought."""

    view: View
    ranker: Ranker

    def offers(
        self, *, top: int, exclude_days: float, scope: Scope, batch: int = BATCH
    ) -> Iterator[Offers]:
        """The best products of every buyer, some customers at a time."""
        for start in range(0, len(self.view.baskets.customers), batch):
            found = self.view.candidates(start, start + batch)
            found = found.where(self._allowed(found, exclude_days, scope))
            score = np.round(self.ranker.scores(self.view, found), 6)
            products = self.view.baskets.products[found.column]
            order = np.lexsort((products, -self.view.popularity[found.column], -score, found.row))
            rank = _place_within(found.row[order])
            order, rank = order[rank < top], rank[rank < top]
            yield Offers(found.where(order), rank + 1, score[order])

    def _allowed(
        self, found: Candidates, exclude_days: float, scope: Scope
    ) -> npt.NDArray[np.bool_]:
        if scope == "new":
            return np.asarray(found.pair < 0, np.bool_)
        last = self.view.baskets.last_days[found.pair]
        soon = np.minimum(exclude_days, self.view.cycle[found.pair] / 2.0)
        return np.asarray((found.pair < 0) | (last >= soon), np.bool_)


def teach(backend: Backend, cutoff: int, *, horizon_days: int, lookback_days: int) -> Recommender:
    """Learn from what was bought in the horizon before the cut-off.

    Raises:
        NotEnoughHistory: no purchase names its product.
    """
    now = Baskets.read(backend, cutoff, lookback_days)
    view = View(now, fit_affinity(now))
    try:
        then = Baskets.read(backend, cutoff - horizon_days * DAY, lookback_days)
    except NotEnoughHistory:
        return Recommender(view, Ranker(None, None))
    earlier = View(then, fit_affinity(then))
    keys = then.keys_bought_next(backend, horizon_days)
    found = _of_teachers(earlier)
    bought = contains(keys, found.row * len(then.products) + found.column)
    return Recommender(view, learn(earlier, found, bought))


def _of_teachers(view: View) -> Candidates:
    customers = view.baskets.customers
    taught = few(customers, TEACHERS)
    parts = []
    for start in range(0, len(customers), BATCH):
        if taught[start : start + BATCH].any():
            found = view.candidates(start, start + BATCH)
            parts.append(found.where(taught[found.row]))
    names = ("row", "column", "pair", "affinity")
    return Candidates(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def recommend_products(
    store: Path | FactStore,
    *,
    cutoff: int,
    horizon_days: int = 28,
    lookback_days: int = LOOKBACK_DAYS,
    exclude_days: float = EXCLUDE_DAYS,
    scope: Scope = "all",
    top: int = 10,
    threads: int = 1,
) -> pa.Table:
    """The `top` products of everyone known at the cut-off, best first, in columns of `SCHEMA`.

    `score` is the probability of a purchase within the horizon and `reason` a JSON object
    `{"code", "params"}` (texts: `ml.mining.texts`). Who never bought a product is offered what is
    popular now.

    Raises:
        NotEnoughHistory: no purchase names its product.
    """
    facts = store if isinstance(store, FactStore) else FactStore(store)
    with connect(threads) as backend:
        backend.open(facts)
        taught = teach(backend, cutoff, horizon_days=horizon_days, lookback_days=lookback_days)
        backend.cut([cutoff])
        known = backend.query(KNOWN_SQL)["customer_id"].to_numpy()
    tables = [
        _table(taught.view, offers)
        for offers in taught.offers(top=top, exclude_days=exclude_days, scope=scope)
    ]
    strangers = np.setdiff1d(known, taught.view.baskets.customers)
    tables.append(_popular(taught.view, strangers, top))
    return pa.concat_tables(tables).sort_by([("customer_id", "ascending"), ("rank", "ascending")])


def _table(view: View, offers: Offers) -> pa.Table:
    found, baskets = offers.found, view.baskets
    return pa.table(
        [
            baskets.customers[found.row],
            offers.rank,
            baskets.products[found.column],
            offers.score,
            _reasons(view, offers),
        ],
        schema=SCHEMA,
    )


def _popular(view: View, customers: Ints, top: int) -> pa.Table:
    best = view.baskets.by_popularity()[:top]
    share = np.round(view.popularity[best], 6)
    reasons = np.array([_popular_reason(value) for value in share], object)
    many, wide = len(customers), len(best)
    columns = (view.baskets.products[best], share, reasons)
    ranks = np.tile(np.arange(1, wide + 1), many)
    return pa.table(
        [np.repeat(customers, wide), ranks, *(np.tile(column, many) for column in columns)],
        schema=SCHEMA,
    )


def _reasons(view: View, offers: Offers) -> list[str]:
    found, baskets = offers.found, view.baskets
    because, strength = _because(view, offers)
    texts = []
    for place, pair in enumerate(found.pair.tolist()):
        if pair >= 0:
            last = int(baskets.last_days[pair])
            if baskets.visits[pair] > 1:
                gap = (baskets.first_days[pair] - last) / (baskets.visits[pair] - 1)
                params = {"every_days": max(1, round(float(gap))), "last_days": last}
                texts.append(_json("bought_every", params))
            else:
                texts.append(_json("bought_before", {"last_days": last}))
        elif strength[place] > 0:
            params = {"product_id": int(baskets.products[because[place]])}
            texts.append(_json("bought_together", params))
        else:
            texts.append(_popular_reason(float(view.popularity[found.column[place]])))
    return texts


def _because(view: View, offers: Offers) -> tuple[Ints, Floats]:
    """For each new product the purchase that speaks for it most; all at one rank at a time."""
    found, known = offers.found, view.affinity.columns
    because = np.zeros(len(found.row), np.int64)
    strength = np.zeros(len(found.row))
    for rank in np.unique(offers.rank):
        here = np.flatnonzero((offers.rank == rank) & (found.pair < 0))
        if len(here):
            best, much = view.affinity.strongest(
                view.bought[found.row[here]], view.place[found.column[here]]
            )
            because[here], strength[here] = known[best], much
    return because, strength


def _popular_reason(share: float) -> str:
    return _json("popular", {"share": round(float(share), 4)})


def _json(code: str, params: Mapping[str, float | int]) -> str:
    return json.dumps({"code": code, "params": params})


def _place_within(groups: Ints) -> Ints:
    """0, 1, 2 ... anew for each run of equal values."""
    starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1])) if len(groups) else groups
    lengths = np.diff(np.append(starts, len(groups)))
    return np.arange(len(groups)) - np.repeat(starts, lengths)
