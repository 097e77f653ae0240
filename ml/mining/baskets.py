"""What customers bought, as arrays: the matrix of customers and products to mine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ml.backends import Backend
from ml.contracts import day_of
from ml.errors import NotEnoughHistory
from ml.mining.product_sql import DEPARTMENTS_SQL, bought_next_sql, pairs_sql
from ml.sample import Floats

Ints = npt.NDArray[np.int64]
USUAL_CYCLE_DAYS = 60.0
PRIOR_GAPS = 5.0
"""A product's cycle starts out at the usual one, with the weight of so many gaps."""
OWN_PRIOR_GAPS = 2.0
HALF_LIFE_DAYS = 90.0


@dataclass(frozen=True)
class Baskets:
    """One element per customer and product that belong together; sorted by both.

    `row` and `column` are places in `customers` and `products`, which hold sorted ids.
    """

    cutoff: int
    customers: Ints
    products: Ints
    department: Ints
    """Of each product; the same number for the same department, 0 for none."""
    row: Ints
    column: Ints
    visits: Floats
    visits_28: Floats
    visits_84: Floats
    last_days: Floats
    first_days: Floats

    @classmethod
    def read(cls, backend: Backend, cutoff: int, lookback_days: int) -> Self:
        """What was bought within the lookback before the cut-off.

        Raises:
            NotEnoughHistory: no purchase names its product.
        """
        backend.cut([cutoff])
        pairs = backend.query(pairs_sql(lookback_days))
        if pairs.num_rows == 0:
            raise NotEnoughHistory(
                "No products known: no purchase in the "
                f"{lookback_days} days up to {day_of(cutoff - 1, backend.time_zone)} names its "
                "product. Import orders with a product column, or choose a later day."
            )
        customers, row = np.unique(pairs["customer_id"].to_numpy(), return_inverse=True)
        products, column = np.unique(pairs["product_id"].to_numpy(), return_inverse=True)
        known = backend.query(DEPARTMENTS_SQL)
        names = known["department"].fill_null("").to_numpy(zero_copy_only=False).astype(str)
        _, numbers = np.unique(np.append(names, ""), return_inverse=True)
        place = np.searchsorted(known["product_id"].to_numpy(), products)
        counts = {
            name: pairs[name].to_numpy().astype(np.float64)
            for name in ("visits", "visits_28", "visits_84", "last_days", "first_days")
        }
        return cls(
            cutoff, customers, products, numbers[:-1][place], row.ravel(), column.ravel(), **counts
        )

    def total(self, per: Ints, size: int, weight: Floats) -> Floats:
        """A sum of `weight` over pairs for each place named by `per`."""
        return np.asarray(np.bincount(per, weight, size), np.float64)

    def of_products(self, weight: Floats) -> Floats:
        return self.total(self.column, len(self.products), weight)

    def of_customers(self, weight: Floats) -> Floats:
        return self.total(self.row, len(self.customers), weight)

    def cycle_of_products(self) -> Floats:
        """Usual days between two purchases of a product by the same customer."""
        span = self.of_products(self.first_days - self.last_days)
        gaps = self.of_products(self.visits - 1.0)
        return (span + USUAL_CYCLE_DAYS * PRIOR_GAPS) / (gaps + PRIOR_GAPS)

    def cycle(self) -> Floats:
        """Days between two purchases for each pair, shrunk towards the product's own cycle."""
        span, gaps = self.first_days - self.last_days, self.visits - 1.0
        usual = self.cycle_of_products()[self.column]
        return (span + usual * OWN_PRIOR_GAPS) / (gaps + OWN_PRIOR_GAPS)

    def by_popularity(self) -> Ints:
        """Places of products, most buyers in the last 28 days first, then most buyers, then id."""
        recent = self.of_products((self.visits_28 > 0).astype(np.float64))
        ever = self.of_products(np.ones(len(self.row)))
        return np.lexsort((self.products, -ever, -recent))

    def matrix(self, columns: Ints, *, fading: bool) -> sp.csr_matrix:
        """Customers times the products at these places: 1, or less the longer ago it was."""
        place = np.full(len(self.products), -1, np.int64)
        place[columns] = np.arange(len(columns))
        used = place[self.column] >= 0
        weight = np.exp2(-self.last_days[used] / HALF_LIFE_DAYS) if fading else np.ones(used.sum())
        return sp.csr_matrix(
            (weight, (self.row[used], place[self.column[used]])),
            shape=(len(self.customers), len(columns)),
        )

    def keys_bought_next(self, backend: Backend, horizon_days: int) -> Ints:
        """Sorted `row * len(products) + column` of what known customers bought in the window.

        Products that nobody had bought before the cut-off are left out.
        """
        backend.cut([self.cutoff])
        bought = backend.query(bought_next_sql(horizon_days))
        customer, product = (bought[name].to_numpy() for name in ("customer_id", "product_id"))
        row = np.minimum(np.searchsorted(self.customers, customer), len(self.customers) - 1)
        column = np.minimum(np.searchsorted(self.products, product), len(self.products) - 1)
        known = (self.customers[row] == customer) & (self.products[column] == product)
        return np.unique(row[known] * len(self.products) + column[known])


def contains(keys: Ints, wanted: Ints) -> npt.NDArray[np.bool_]:
    """Which of `wanted` are among the sorted `keys`."""
    if not len(keys):
        return np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.asarray(keys[place] == wanted, np.bool_)
