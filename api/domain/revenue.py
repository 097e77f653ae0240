"""The false-value guard: how revenue came from one period to the next, customer by customer.

Growth that hides customers who leave is no success, so both are always shown together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Part = Literal["new", "returned", "lost", "grown", "shrunk", "steady"]
PARTS: tuple[Part, ...] = ("new", "returned", "grown", "steady", "shrunk", "lost")
"""new: never bought before; returned: not in the earlier period, but before it; lost: only in the
earlier period; grown, steady, shrunk: in both."""


@dataclass(frozen=True)
class Flow:
    """Customers of one part and what they bought in both periods, in minor units."""

    customers: int
    before_minor: int
    after_minor: int

    @property
    def change_minor(self) -> int:
        return self.after_minor - self.before_minor


@dataclass(frozen=True)
class Bridge:
    """Revenue of two periods; the changes of the parts add up to the whole change, exactly."""

    flows: Mapping[Part, Flow]

    @property
    def before_minor(self) -> int:
        return sum(each.before_minor for each in self.flows.values())

    @property
    def after_minor(self) -> int:
        return sum(each.after_minor for each in self.flows.values())

    @property
    def customers_before(self) -> int:
        return sum(
            each.customers for part, each in self.flows.items() if part not in ("new", "returned")
        )

    @property
    def customers_after(self) -> int:
        return sum(each.customers for part, each in self.flows.items() if part != "lost")

    @property
    def retention(self) -> float | None:
        """The share of the earlier period's customers who bought again; none without any."""
        before = self.customers_before
        return None if before == 0 else 1 - self.flows["lost"].customers / before

    @property
    def diverges(self) -> bool:
        """Revenue rises while there are fewer customers than before."""
        fewer = self.customers_after < self.customers_before
        return self.after_minor > self.before_minor and fewer


def bridge(found: Mapping[str, Flow]) -> Bridge:
    """The bridge of what was found; parts without anybody are empty."""
    nobody = Flow(0, 0, 0)
    return Bridge({part: found.get(part, nobody) for part in PARTS})


DIVERGES = (
    "Revenue rose by {growth} while {lost} customers left and only {won} came: {after} customers "
    "instead of {before}. Growth that rests on fewer customers is no success yet.",
    "收入增加了 {growth}，但有 {lost} 位客户流失、仅新增 {won} 位，客户数由 {before} 降至 {after}。"
    "客户减少情况下的增长尚不能算成功。",
)
AGREES = (
    "Revenue changed by {growth}; {lost} customers left, {won} came: {after} customers instead of "
    "{before}.",
    "收入变化 {growth}；流失客户 {lost} 位，新增 {won} 位，客户数由 {before} 变为 {after}。",
)
