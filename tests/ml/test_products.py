"""Recommendations: due again, goes together, popular; never what was just bought."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.backends import connect
from ml.contracts import DAY
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.mining.affinity import fit_affinity
from ml.mining.baskets import Baskets
from ml.mining.product_evaluation import Judged, evaluate_recommendations
from ml.mining.products import recommend_products
from ml.mining.texts import CODES, mining_text
from tests.ml.conftest import CUTOFF, write_rows

DAYS = 200
MILK, TEA, LEMON, BREAD, BUTTER, SOAP, LAMP = 1, 2, 3, 4, 5, 6, 7
STRANGER = 900


def line(customer: int, days_ago: int, product: int | None, back: bool = False) -> dict[str, Any]:
    return {
        "order_id": customer * 1000 + days_ago,
        "line_no": (product or 0) + (100 if back else 0),
        "customer_id": customer,
        "ordered_at": CUTOFF - 1 - days_ago * DAY,
        "product_id": product,
        "department": "food" if product != LAMP else None,
        "brand": None,
        "quantity_milli": -1000 if back else 1000,
        "amount_minor": -300 if back else 300,
        "discount_minor": 0,
        "cost_minor": None,
    }


def habits() -> list[dict[str, Any]]:
    """300 customers: milk each 20 days; every other one takes tea and mostly lemon, the rest bread
    and mostly butter; everybody may buy soap."""
    random = np.random.default_rng(3)
    rows = []
    for customer in range(1, 301):
        start = int(random.integers(0, 20))
        pair = (TEA, LEMON) if customer % 2 else (BREAD, BUTTER)
        takes_second = bool(random.random() < 0.8)
        for days_ago in range(start, DAYS, 20):
            rows.append(line(customer, days_ago, MILK))
            if random.random() < 0.6:
                rows.append(line(customer, days_ago, pair[0]))
            if takes_second and random.random() < 0.3:
                rows.append(line(customer, days_ago, pair[1]))
            if random.random() < 0.02:
                rows.append(line(customer, days_ago, SOAP))
    return rows


def store_of(path: Path, rows: list[dict[str, Any]]) -> Path:
    known = sorted({row["customer_id"] for row in rows} | {STRANGER})
    customers = [{"customer_id": each, "kind": "b2c", "known_at": 0} for each in known]
    return write_rows(path, {"customers": customers, "order_lines": rows}, attributes=())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp("shop") / "facts", habits())


def offered(store: Path, customer: int, **options: Any) -> list[dict[str, Any]]:
    table = recommend_products(store, cutoff=CUTOFF, **options)
    rows = [row for row in table.to_pylist() if row["customer_id"] == customer]
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    return [{**row, **json.loads(row["reason"])} for row in rows]


def test_what_goes_together_is_offered_with_the_reason(shop: Path, tmp_path: Path) -> None:
    rows = [*habits(), *(line(401, days, each) for days in (30, 50) for each in (MILK, TEA))]
    store = store_of(tmp_path / "facts", rows)
    new = offered(store, 401, scope="new", top=3)
    assert new[0]["product_id"] == LEMON
    assert (new[0]["code"], new[0]["params"]) == ("bought_together", {"product_id": TEA})
    assert {row["product_id"] for row in new}.isdisjoint({MILK, TEA})


def test_what_is_due_comes_first_and_what_was_just_bought_not_at_all(tmp_path: Path) -> None:
    due = [line(401, days, MILK) for days in (22, 42, 62, 82)]
    just = [line(402, days, MILK) for days in (2, 22, 42, 62)]
    often = [line(403, days, MILK) for days in range(2, 62, 2)]
    store = store_of(tmp_path / "facts", [*habits(), *due, *just, *often])
    first = offered(store, 401)[0]
    assert (first["product_id"], first["code"]) == (MILK, "bought_every")
    assert first["params"] == {"every_days": 20, "last_days": 22}
    assert MILK not in {row["product_id"] for row in offered(store, 402)}
    assert MILK in {row["product_id"] for row in offered(store, 402, exclude_days=0)}
    assert MILK in {row["product_id"] for row in offered(store, 403)}


def test_a_returned_product_counts_as_never_bought(tmp_path: Path) -> None:
    rows = [line(401, 30, MILK), line(401, 40, LAMP), line(401, 39, LAMP, back=True)]
    store = store_of(tmp_path / "facts", [*habits(), *rows])
    codes = {row["product_id"]: row["code"] for row in offered(store, 401)}
    assert codes[MILK] == "bought_before"
    assert codes.get(LAMP) in (None, "popular", "bought_together")


def test_a_stranger_is_offered_what_is_popular_now(shop: Path) -> None:
    rows = offered(shop, STRANGER, top=4)
    assert rows[0]["product_id"] == MILK
    assert {row["code"] for row in rows} == {"popular"}
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert rows[0]["params"]["share"] == pytest.approx(rows[0]["score"], abs=1e-4)


def test_scores_are_probabilities_that_hold(shop: Path) -> None:
    """Recommended as of 28 days ago: of what is promised, as much is bought."""
    origin = CUTOFF - 28 * DAY
    table = recommend_products(shop, cutoff=origin, exclude_days=0, top=10)
    with connect(1) as backend:
        backend.open(FactStore(shop))
        baskets = Baskets.read(backend, origin, 365)
        keys = baskets.keys_bought_next(backend, 28)
    width = len(baskets.products)
    promised = table.filter(np.isin(table["customer_id"].to_numpy(), baskets.customers))
    place = np.searchsorted(
        baskets.customers, promised["customer_id"].to_numpy()
    ) * width + np.searchsorted(baskets.products, promised["product_id"].to_numpy())
    bought = np.isin(place, keys)
    assert promised["score"].to_numpy().mean() == pytest.approx(bought.mean(), abs=0.05)


def test_nothing_after_the_cutoff_is_seen(shop: Path, tmp_path: Path) -> None:
    origin = CUTOFF - 60 * DAY
    known = [row for row in habits() if row["ordered_at"] < origin]
    then = recommend_products(store_of(tmp_path / "facts", known), cutoff=origin)
    now = recommend_products(shop, cutoff=origin)
    ours = set(then["customer_id"].to_pylist())
    assert now.filter(np.isin(now["customer_id"].to_numpy(), list(ours))).equals(then)


def test_the_same_facts_give_the_same_table_however_they_are_stored(
    shop: Path, tmp_path: Path
) -> None:
    turned = store_of(tmp_path / "facts", habits()[::-1])
    ours, theirs = (recommend_products(each, cutoff=CUTOFF) for each in (shop, turned))
    assert ours.equals(theirs)
    assert ours.num_rows > 300


def tastes() -> list[dict[str, Any]]:
    """400 customers of four tastes, with twelve products each, of which some sell better."""
    random = np.random.default_rng(5)
    popular = np.arange(12, 0, -1) / 78.0
    rows = []
    for customer in range(1, 401):
        own = random.choice(12, 5, replace=False, p=popular)
        for days_ago in range(int(random.integers(0, 10)), DAYS, 10):
            explores = random.random() < 0.3
            place = random.choice(12, p=popular) if explores else random.choice(own)
            rows.append(line(customer, days_ago, int(100 * (customer % 4) + place)))
    return rows


def test_better_than_popularity_and_own_most_bought_on_a_month_nobody_saw(tmp_path: Path) -> None:
    store = store_of(tmp_path / "facts", tastes())
    judged = {
        (each.scope, each.method): each for each in evaluate_recommendations(store, cutoff=CUTOFF)
    }
    new, popular = judged["new", "echelon"], judged["new", "popularity"]
    assert new.customers == popular.customers > 50
    assert new.hit_rate > popular.hit_rate + 0.2
    assert new.ndcg > 1.5 * popular.ndcg
    ours, own = judged["all", "echelon"], judged["all", "own most bought"]
    assert ours.customers == own.customers > 300
    assert ours.recall > own.recall
    assert ours.mean_average_precision > own.mean_average_precision
    assert ours.ndcg > judged["all", "item-item cosine"].ndcg > 0.0


def test_metrics_of_a_month_known_by_heart(tmp_path: Path) -> None:
    """Two customers who buy one product and then, in the held-out month, the same again."""
    rows = [line(customer, days, MILK) for customer in (1, 2) for days in (5, 50, 90)]
    store = store_of(tmp_path / "facts", rows)
    judged = evaluate_recommendations(store, cutoff=CUTOFF)
    assert judged[0] == Judged("echelon", "all", 2, 1.0, 1.0, 1.0, 1.0)
    assert all(row.hit_rate == 1.0 for row in judged if row.scope == "all")


def test_a_store_without_products_is_refused(tmp_path: Path) -> None:
    store = store_of(tmp_path / "facts", [line(1, 3, None)])
    with pytest.raises(NotEnoughHistory, match="No products known"):
        recommend_products(store, cutoff=CUTOFF)


def test_the_nearest_product_is_the_one_bought_with_it(shop: Path) -> None:
    with connect(1) as backend:
        backend.open(FactStore(shop))
        baskets = Baskets.read(backend, CUTOFF, 365)
    known = fit_affinity(baskets)
    place = {int(baskets.products[at]): number for number, at in enumerate(known.columns)}
    towards_lemon = known.weights[:, place[LEMON]]
    assert max(place, key=lambda product: towards_lemon[place[product]]) == TEA
    assert towards_lemon[place[BREAD]] < 0


def test_every_reason_has_words_in_both_languages() -> None:
    params = {"every_days": 5, "last_days": 9, "product": "tea", "share": 0.125, "inbound": 2,
              "contacts": 3, "answered": 1, "sent": 4, "hours": 1.5}  # fmt: skip
    english = {mining_text(code, params) for code in CODES}
    chinese = {mining_text(code, params, "zh") for code in CODES}
    assert len(english) == len(chinese) == len(CODES)
    assert "Popular now: bought by 12% of recent customers" in english
    assert all(any("一" <= letter <= "鿿" for letter in text) for text in chinese)
