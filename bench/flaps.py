"""How often tiers flap on real purchases, with the bands of a shipped policy and without.

    python -m bench.flaps ONLINE_RETAIL.parquet [--policy retail-rfm]

Tiers are decided at each month's end for everybody who had bought by then. A flap is a tier left
and entered again within three months. With bands a tier should still be the one the measures give
in most customer-months, and a change that lasts three months should be followed within two.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table

from api.documents import read_policy_file
from api.domain.simulation.flapping import UNKNOWN, Flapping, flapping
from api.domain.tiers import Standing, parse_policy

Tiers = npt.NDArray[np.object_]
"""Tier keys by customer and month; None before the first purchase."""
DAY = pd.Timedelta(days=1)
YEAR = pd.Timedelta(days=365)
LASTING_MONTHS = 3
FOLLOWED_WITHIN_MONTHS = 2
EXPONENT = 2


@dataclass(frozen=True)
class Outcome:
    flapping: Flapping
    agreement: float
    """Share of customer-months in which the tier is the one that the measures give."""
    followed: float
    """Share of lasting changes of the measures that the tier followed in time."""


def read_purchases(path: Path) -> pd.DataFrame:
    """Lines of known customers: customer, moment, order, quantity, amount in minor units."""
    lines = pd.read_parquet(path)
    lines = lines[lines["customer_id"].notna()]
    amounts = (lines["quantity"] * lines["unit_price"] * 10**EXPONENT).round()
    return pd.DataFrame(
        {
            "customer": lines["customer_id"],
            "moment": pd.to_datetime(lines["invoice_date"]),
            "order": lines["invoice"],
            "bought": lines["quantity"] > 0,
            "amount": amounts,
        }
    )


def measures_at(lines: pd.DataFrame, customers: pd.Index, end: pd.Timestamp) -> pd.DataFrame:
    """What the policy reads about everybody, by what was known at the end of a day."""
    known = lines[lines["moment"] < end + DAY]
    year = known[known["moment"] >= end + DAY - YEAR]
    last = known[known["bought"]].groupby("customer")["moment"].max()
    orders = year[year["bought"]].groupby("customer")["order"].nunique()
    spend = year.groupby("customer")["amount"].sum()
    measures = pd.DataFrame(
        {"recency_days": (end + DAY - last).dt.total_seconds() / DAY.total_seconds()}
    )
    measures["order_count_365d"] = orders
    measures["net_spend_365d"] = spend
    return measures.fillna(0).reindex(customers)


def decide_months(
    document: dict[str, Any], months: Iterable[tuple[pd.Timestamp, pd.DataFrame]]
) -> tuple[Tiers, Tiers]:
    """The tiers by the measures of each month alone, and those that were held."""
    policy = parse_policy(document, EXPONENT)
    plain: list[Tiers] = []
    held: list[Tiers] = []
    standing: Standing | None = None
    for end, measures in months:
        columns = {str(name): measures[name].to_numpy(np.float64) for name in measures}
        unknown = measures["recency_days"].isna().to_numpy()
        decided = policy.decide(columns, standing, end.date())
        standing = Standing(
            decided.tiers,
            ~unknown,
            decided.moves.since,
            decided.moves.watch_since,
            decided.moves.evaluated_on,
        )
        for kept, keys in ((plain, decided.naive), (held, decided.tiers)):
            tiers = keys.copy()
            tiers[unknown] = None
            kept.append(tiers)
    return np.array(plain).T, np.array(held).T


def flaps(tiers: Tiers) -> Flapping:
    keys = sorted({each for each in tiers.ravel().tolist() if each is not None})
    codes = {None: UNKNOWN, **{key: place for place, key in enumerate(keys)}}
    return flapping([np.array([codes[each] for each in month]) for month in tiers.T.tolist()])


def followed(plain: Tiers, held: Tiers) -> float:
    """Of the changes of the measures that lasted, how many were followed in time."""
    lasting, kept_up = 0, 0
    for month in range(1, plain.shape[1] - LASTING_MONTHS + 1):
        now = plain[:, month]
        new = (plain[:, month - 1] != None) & (plain[:, month - 1] != now)  # noqa: E711
        lasts = new & (plain[:, month : month + LASTING_MONTHS] == now[:, None]).all(axis=1)
        soon = held[:, month : month + FOLLOWED_WITHIN_MONTHS + 1]
        lasting += int(lasts.sum())
        kept_up += int((lasts & (soon == now[:, None]).any(axis=1)).sum())
    return kept_up / max(lasting, 1)


def judge(plain: Tiers, tiers: Tiers) -> Outcome:
    known = plain != None  # noqa: E711
    return Outcome(flaps(tiers), float((plain == tiers)[known].mean()), followed(plain, tiers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("purchases", type=Path, help="invoice lines as Parquet")
    parser.add_argument("--policy", default="retail-rfm", help="a policy file or a shipped name")
    chosen = parser.parse_args()
    lines = read_purchases(chosen.purchases)
    customers = pd.Index(np.sort(lines["customer"].unique()))
    last = lines["moment"].max().normalize()
    ends = pd.date_range(lines["moment"].min(), last, freq="ME").normalize()
    months = [(end, measures_at(lines, customers, end)) for end in ends]
    document = read_policy_file(chosen.policy)
    naive = copy.deepcopy(document) | {"stability": {"evaluate": "monthly"}}
    plain, _ = decide_months(naive, months)
    rows = {
        "without bands": judge(plain, plain),
        "as shipped": judge(plain, decide_months(document, months)[1]),
    }
    table = Table(title=f"{chosen.policy}: {len(ends)} months, {(plain != None).sum():,} tiers")  # noqa: E711
    for name in ("", "flaps", "changes", "agrees with the measures", "lasting changes followed"):
        table.add_column(name, justify="right" if name else "left")
    for name, each in rows.items():
        table.add_row(
            name,
            f"{each.flapping.flaps:,}",
            f"{each.flapping.changes:,}",
            f"{each.agreement:.1%}",
            f"{each.followed:.1%}",
        )
    console = Console()
    console.print(table)
    ratio = rows["as shipped"].flapping.flaps / rows["without bands"].flapping.flaps
    console.print(f"Flaps with bands / without: {ratio:.2f}")


if __name__ == "__main__":
    main()
