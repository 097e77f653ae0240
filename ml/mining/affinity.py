"""Which products go together: a ridge regression of each product on all the others.

With X customers times products, G = X'X + ridge and P its inverse, the weights without a
diagonal are -P[i, j] / P[j, j] (the "embarrassingly shallow autoencoder", Steck 2019). Unlike
plain co-occurrence, a product that everybody buys explains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ml.mining.baskets import Baskets, Ints
from ml.sample import Floats

MOST_PRODUCTS = 1_000
"""The most popular products that affinity knows; its weights are a square of so many. Others are
still recommended to those who bought them before."""
MOST_CUSTOMERS = 50_000
RIDGE = 3.0
"""In mean squared column lengths of X."""
_HASH = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Affinity:
    """`weights[i, j]`: how much a purchase of product i speaks for product j.

    `columns` are the places of the products in the baskets' `products`, most popular first.
    """

    columns: Ints
    weights: npt.NDArray[np.float32]

    def scores(self, bought: sp.csr_matrix) -> npt.NDArray[np.float32]:
        """Customers times products: the sum of the weights of what each bought."""
        return np.asarray(bought @ self.weights, np.float32)

    def strongest(self, bought: sp.csr_matrix, wanted: Ints) -> tuple[Ints, Floats]:
        """For each customer and one wanted product: which purchase speaks for it most, how much."""
        shares = bought.toarray() * self.weights[:, wanted].T
        best = np.argmax(shares, axis=1)
        return best, np.take_along_axis(shares, best[:, None], axis=1)[:, 0].astype(np.float64)


def fit_affinity(baskets: Baskets) -> Affinity:
    """Learn from up to MOST_CUSTOMERS customers, always the same ones."""
    columns = baskets.by_popularity()[:MOST_PRODUCTS]
    bought = baskets.matrix(columns, fading=True)
    bought = bought[few(baskets.customers, MOST_CUSTOMERS)]
    gram = np.asarray((bought.T @ bought).todense(), np.float64)
    ridge = RIDGE * float(np.trace(gram)) / len(columns)
    gram[np.diag_indices_from(gram)] += ridge or 1.0
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return Affinity(columns, weights.astype(np.float32))


def few(ids: Ints, most: int) -> npt.NDArray[np.bool_]:
    """A mask of about `most` ids at random, the same ones every time."""
    if len(ids) <= most:
        return np.ones(len(ids), np.bool_)
    draw = (ids.astype(np.uint64) * _HASH) >> np.uint64(11)
    return np.asarray(draw < np.uint64(most / len(ids) * 2**53), np.bool_)
