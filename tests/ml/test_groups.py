"""Groups: found where they are, named for what they are, the same ones next month."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ml.contracts import DAY
from ml.errors import BadModel, NotEnoughHistory
from ml.mining.group_aspects import ASPECTS, name_of, words_of
from ml.mining.groups import ASLEEP, Groups, find_groups
from tests.ml.conftest import CUTOFF, write_rows

MONTH = 28 * DAY
KINDS = 4
DAYS = 420
SLEEPER = 999


def habits() -> list[dict[str, Any]]:
    """200 customers of four kinds: often or rarely, in one department or in five."""
    random = np.random.default_rng(11)
    rows: list[dict[str, Any]] = []
    order = 0
    for customer in range(1, 201):
        often, broad = customer % KINDS in (0, 1), customer % KINDS in (0, 2)
        day = float(random.uniform(0, 10))
        while day < DAYS:
            order += 1
            rows += _order(order, customer, int(day), broad)
            day += max(1.0, float(random.normal(6 if often else 24, 1.5)))
    return rows + _order(order + 1, SLEEPER, DAYS - 1, broad=False)


def _order(order: int, customer: int, days_ago: int, broad: bool) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order, "line_no": number, "customer_id": customer,
            "ordered_at": CUTOFF - 1 - days_ago * DAY, "product_id": None,
            "department": f"d{number}", "brand": None, "quantity_milli": 1000,
            "amount_minor": 500, "discount_minor": 0, "cost_minor": None,
        }
        for number in range(5 if broad else 1)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(
        tmp_path_factory.mktemp("shop") / "facts", {"order_lines": habits()}, attributes=()
    )


@pytest.fixture(scope="module")
def found(shop: Path) -> Groups:
    return find_groups(shop, cutoff=CUTOFF, seed=1)


def kinds_of(groups: Groups) -> tuple[list[int], list[str]]:
    awake = {each: key for each, key in groups.members.items() if key != ASLEEP}
    return [each % KINDS for each in awake], list(awake.values())


def test_the_kinds_that_are_there_are_found(found: Groups) -> None:
    assert len(found.groups) == KINDS
    assert adjusted_rand_score(*kinds_of(found)) > 0.95
    assert sum(group.size for group in found.groups) + found.asleep == len(found.members) == 201


def test_who_bought_nothing_for_a_year_is_asleep(found: Groups) -> None:
    assert found.members[SLEEPER] == ASLEEP
    assert found.asleep == 1


def test_names_say_what_sets_a_group_apart(found: Groups) -> None:
    by_kind = {kind: found.members[kind + KINDS] for kind in range(KINDS)}
    named = {group.key: group for group in found.groups}
    assert len({group.name("en") for group in found.groups}) == KINDS
    assert len({group.name("zh") for group in found.groups}) == KINDS
    often_and_broad, rare_and_narrow = named[by_kind[0]], named[by_kind[3]]
    assert often_and_broad.deviation["frequency"] > 0 > rare_and_narrow.deviation["frequency"]
    assert often_and_broad.deviation["variety"] > 0 > rare_and_narrow.deviation["variety"]


def test_the_same_facts_again_move_nobody(shop: Path, found: Groups) -> None:
    again = find_groups(shop, cutoff=CUTOFF, seed=9, previous=found)
    assert again.moved == 0.0
    assert again.members == found.members
    assert again.groups == found.groups


def test_the_same_seed_gives_the_same_groups(shop: Path, found: Groups) -> None:
    assert find_groups(shop, cutoff=CUTOFF, seed=1) == found


def test_a_month_later_keys_names_and_most_members_stay(shop: Path) -> None:
    before = find_groups(shop, cutoff=CUTOFF - MONTH, seed=1)
    after = find_groups(shop, cutoff=CUTOFF, seed=1, previous=before)
    assert [group.key for group in after.groups] == [group.key for group in before.groups]
    assert [group.words for group in after.groups] == [group.words for group in before.groups]
    assert before.moved is None
    assert after.moved is not None
    assert after.moved < 0.05


def test_another_number_of_groups_keeps_the_keys_that_match(shop: Path, found: Groups) -> None:
    more = find_groups(shop, cutoff=CUTOFF, seed=1, previous=found, count=KINDS + 1)
    old, new = {group.key for group in found.groups}, {group.key for group in more.groups}
    assert len(new) == KINDS + 1
    assert old < new
    fewer = find_groups(shop, cutoff=CUTOFF, seed=1, previous=found, count=2)
    assert {group.key for group in fewer.groups} < old


def test_a_document_holds_everything_but_the_members(shop: Path, found: Groups) -> None:
    document = json.loads(json.dumps(found.to_document(), allow_nan=False))
    read = Groups.from_document(document, found.members)
    assert read == found
    assert find_groups(shop, cutoff=CUTOFF, previous=read).moved == 0.0
    assert Groups.from_document(document).members == {}
    with pytest.raises(BadModel, match="another version"):
        Groups.from_document({**document, "aspects": ["frequency"]})


def test_nothing_after_the_cutoff_counts(tmp_path: Path, shop: Path) -> None:
    origin = CUTOFF - MONTH
    known = [row for row in habits() if row["ordered_at"] < origin]
    store = write_rows(tmp_path / "facts", {"order_lines": known}, attributes=())
    assert find_groups(store, cutoff=origin) == find_groups(shop, cutoff=origin)


def test_too_few_customers_are_refused(tmp_path: Path) -> None:
    few = [row for row in habits() if row["customer_id"] < 20]
    store = write_rows(tmp_path / "facts", {"order_lines": few}, attributes=())
    with pytest.raises(NotEnoughHistory, match="Only 19 customers bought"):
        find_groups(store, cutoff=CUTOFF)


def test_customers_who_are_all_alike_make_one_group(tmp_path: Path) -> None:
    rows = [line for each in range(1, 61) for line in _order(each, each, 30, broad=False)]
    store = write_rows(tmp_path / "facts", {"order_lines": rows}, attributes=())
    assert [group.size for group in find_groups(store, cutoff=CUTOFF).groups] == [60]


def test_a_name_is_kept_while_it_holds_and_never_given_twice() -> None:
    flat = dict.fromkeys((aspect.key for aspect in ASPECTS), 0.0)
    first = {**flat, "frequency": 1.0, "basket": -0.6, "variety": 0.5}
    second = {**flat, "frequency": 1.0, "basket": -0.6, "variety": -0.5}
    ours, theirs = words_of([first, second], [(), ()])
    assert ours != theirs
    assert ours[:2] == theirs[:2] == (("frequency", True), ("basket", False))
    assert name_of(ours[:2], "en") == "Frequent, small baskets"
    assert name_of(ours[:2], "zh") == "购买频繁、单次金额低"
    swapped = {**first, "basket": -1.0, "frequency": 0.9}
    assert set(ours) != set(words_of([first, swapped], [(), ()])[1])
    kept = (("variety", True),)
    assert words_of([first], [kept]) == [kept]
    assert words_of([{**first, "variety": 0.1}], [kept]) != [kept]
