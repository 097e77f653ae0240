"""What a business could do for a customer today, and how each feature would stand after it.

A scenario changes the facts in thought (one more purchase at the last moment before the cut-off,
one more contact) and every feature that follows from them, as the feature SQL would count them.
Purchases are as usual for the customer: mean basket, mean number of lines, known products, own
share of discounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ml.feature_catalogue import WINDOWS_DAYS
from ml.sample import Floats, Sample

COUPON_SHARE = 0.1
"""A coupon takes this part off the usual basket."""
LARGER = 1.5
GOOD_RATING = 1.0
FAST_HOURS = 4.0


class Columns:
    """A sample's features, some of them changed; exact integers where the SQL had integers."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._changed: dict[str, Floats] = {}

    def __getitem__(self, code: str) -> Floats:
        if code not in self._changed:
            return self._sample.column(code)
        return self._changed[code]

    def __setitem__(self, code: str, column: Floats) -> None:
        self._changed[code] = column

    def known(self, code: str, otherwise: float = 0.0) -> Floats:
        return np.nan_to_num(self[code], nan=otherwise)

    def sum_of(self, mean: str, count: Floats) -> Floats:
        """The whole number behind a mean of `count` things."""
        return np.rint(self.known(mean) * count)

    def sample(self) -> Sample:
        values = self._sample.values.copy()
        for code, column in self._changed.items():
            values[:, self._sample.codes.index(code)] = column
        return replace(self._sample, values=values)


Change = Callable[[Columns], None]


@dataclass(frozen=True)
class Action:
    """Something to do. Two actions of different `kind` may go together.

    `within` names the features that must stay inside what was seen of similar customers.
    """

    code: str
    kind: str
    change: Change
    within: tuple[str, ...]


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole != 0.0)


def _purchase(larger: float = 1.0, coupon: float = 0.0, new_departments: float = 0.0) -> Change:
    """One more purchase at the last moment: `larger` times the usual one, `coupon` part off."""

    def change(now: Columns) -> None:
        orders = now["order_count"]
        lines, bought = (
            now.sum_of("mean_basket_lines", orders),
            now.sum_of("mean_basket_value", orders),
        )
        usual = now.known("mean_basket_value") * larger
        own = now.known("discount_share")
        discount = usual * own / np.maximum(1.0 - own, 1e-9)
        paid, discount = usual * (1.0 - coupon), discount + usual * coupon
        more = np.maximum(np.rint(now.known("mean_basket_lines", 1.0) * larger), 1.0)
        _rhythm(now)
        _discounts(now, bought, paid, discount, coupon)
        _basket(now, bought, lines, paid, more)
        _mix(now, lines, more, new_departments)
        _windows(now, paid)

    return change


def _rhythm(now: Columns) -> None:
    """Gaps between purchase days; on a day with a purchase already nothing changes."""
    silent = now["recency_days"]
    fresh = silent > 0.0
    gaps = now["purchase_days"] - 1.0
    total = now.sum_of("mean_gap_days", gaps)
    mean = now.known("mean_gap_days")
    spread = (now.known("gap_cv") * mean) ** 2 * (gaps - 1.0) * gaps
    squares = np.rint((np.where(gaps > 1.0, spread, 0.0) + total**2) / np.maximum(gaps, 1.0))
    more, longer = gaps + fresh, total + silent
    wide = np.where(fresh, squares + silent**2, squares)
    changed = {
        "recency_days": np.zeros_like(silent),
        "purchase_days": now["purchase_days"] + fresh,
        "mean_gap_days": _share(longer, more),
        "gap_cv": _share(
            np.sqrt(np.maximum(_share(_share(wide * more - longer**2, more), more - 1.0), 0.0)),
            _share(longer, more),
        ),
        "recency_over_mean_gap": np.where(more > 0.0, 0.0, np.nan),
        "recency_over_longest_gap": np.where(more > 0.0, 0.0, np.nan),
        "longest_gap_days": np.fmax(now["longest_gap_days"], np.where(fresh, silent, np.nan)),
        "last_gap_days": np.where(fresh, silent, now["last_gap_days"]),
        "days_since_second_last": np.where(fresh, silent, now["days_since_second_last"]),
    }
    for code, column in changed.items():
        now[code] = column


def _windows(now: Columns, paid: Floats) -> None:
    for days in WINDOWS_DAYS:
        now[f"orders_{days}d"] = now.known(f"orders_{days}d") + 1.0
        now[f"spend_{days}d"] = now.known(f"spend_{days}d") + paid
    for short, long in ((28, 56), (56, 182), (84, 365)):
        for what in ("orders", "spend"):
            now[f"{what}_share_{short}_of_{long}d"] = _share(
                now[f"{what}_{short}d"], now[f"{what}_{long}d"]
            )
    days_known = np.maximum(now["tenure_days"], 1.0)
    now["pace_84d"] = _share(
        now["orders_84d"] * days_known, now["order_count"] * np.minimum(days_known, 84.0)
    )


def _basket(now: Columns, bought: Floats, lines: Floats, paid: Floats, more: Floats) -> None:
    orders, lately = now["order_count"], now.known("orders_84d")
    bought_84 = now.sum_of("mean_basket_84d", lately)
    now["net_spend"] = now["net_spend"] + paid
    now["mean_basket_value"] = (bought + paid) / (orders + 1.0)
    now["mean_basket_84d"] = (bought_84 + paid) / (lately + 1.0)
    now["largest_basket_value"] = np.fmax(now["largest_basket_value"], paid)
    now["mean_basket_lines"] = (lines + more) / (orders + 1.0)
    now["mean_line_value"] = (bought + paid) / (lines + more)
    now["return_share"] = now["return_count"] / (lines + more)
    now["order_count"] = orders + 1.0


def _discounts(now: Columns, bought: Floats, paid: Floats, discount: Floats, coupon: float) -> None:
    """Before the baskets change, as shares are turned back into money by them."""
    orders = now["order_count"]
    before = {
        "discount_share": bought,
        "discount_share_84d": now.sum_of("mean_basket_84d", now.known("orders_84d")),
    }
    for code, value in before.items():
        share = now.known(code)
        given = np.rint(value * share / np.maximum(1.0 - share, 1e-9)) + discount
        now[code] = _share(given, given + value + paid)
    if coupon:
        discounted = now.sum_of("discounted_order_share", orders)
        now["discounted_order_share"] = (discounted + 1.0) / (orders + 1.0)


def _mix(now: Columns, lines: Floats, more: Floats, new_departments: float) -> None:
    """Known products of the usual departments, but for one of each new department."""
    departments, products = now["department_count"], now["product_count"]
    repeated = now["repeat_product_share"]
    named = np.rint(products / np.maximum(1.0 - repeated, 1e-9))
    now["product_count"] = products + new_departments
    now["repeat_product_share"] = 1.0 - (products + new_departments) / (named + more)
    now["department_count"] = departments + new_departments
    lately = np.where(np.isnan(departments), np.nan, now.known("department_count_84d"))
    now["department_count_84d"] = np.maximum(lately, 1.0) + new_departments
    main = now["top_department_share"]
    if new_departments:
        now["top_department_share"] = main * (lines + more - new_departments) / (lines + more)


def _contact(inbound: float = 0.0, outbound: float = 0.0, redeemed: float = 0.0) -> Change:
    def change(now: Columns) -> None:
        now["inbound_count"] = now["inbound_count"] + inbound
        now["outbound_count"] = now["outbound_count"] + outbound
        now["redemption_count"] = now["redemption_count"] + redeemed
        now["contacts_84d"] = now["contacts_84d"] + inbound + outbound
        now["contact_recency_days"] = np.zeros_like(now["inbound_count"])
        now["response_share"] = _share(
            now["inbound_count"], now["inbound_count"] + now["outbound_count"]
        )

    return change


def _coupon(now: Columns) -> None:
    _contact(inbound=1.0, redeemed=1.0)(now)
    _purchase(coupon=COUPON_SHARE)(now)


def _rating(now: Columns) -> None:
    ratings = now["feedback_count"]
    now["feedback_mean"] = (now.known("feedback_mean") * ratings + GOOD_RATING) / (ratings + 1.0)
    now["feedback_last"] = np.full_like(ratings, GOOD_RATING)
    now["feedback_count"] = ratings + 1.0


def _answer(now: Columns) -> None:
    now["response_hours"] = np.minimum(now["response_hours"], FAST_HOURS)


ACTIONS = (
    Action("purchase", "purchase", _purchase(), ("orders_28d", "orders_84d")),
    Action("larger_purchase", "purchase", _purchase(larger=LARGER), ("orders_28d", "spend_28d")),
    Action("new_department", "purchase", _purchase(new_departments=1.0), ("department_count",)),
    Action("coupon", "purchase", _coupon, ("redemption_count", "orders_28d")),
    Action("contact", "contact", _contact(outbound=1.0), ("outbound_count", "contacts_84d")),
    Action("good_rating", "rating", _rating, ("feedback_last", "feedback_count")),
    Action("faster_answers", "service", _answer, ("response_hours",)),
)
"""A larger purchase is LARGER times the usual one; answers take FAST_HOURS at most."""
BY_CODE: Mapping[str, Action] = {action.code: action for action in ACTIONS}
PAIRS = tuple(
    (first, second)
    for place, first in enumerate(ACTIONS)
    for second in ACTIONS[place + 1 :]
    if first.kind != second.kind
)
