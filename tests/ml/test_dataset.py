"""Origins never look beyond what is known, labels are exact, and too little history is said so."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.backends import connect
from ml.contracts import DAY, AttributeField
from ml.dataset import (
    MOST_CHOICES,
    known_attributes,
    labelled,
    margin_shares,
    span_at,
)
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.synthetic import Business, invent
from ml.training import train
from tests.ml.conftest import write_rows

START = 1_704_067_200


def order(customer: int, day: float, amount: int, **other: Any) -> dict[str, Any]:
    return {
        "order_id": customer * 1000 + int(day * 10),
        "line_no": 1,
        "customer_id": customer,
        "ordered_at": START + int(day * DAY),
        "quantity_milli": 1000,
        "amount_minor": amount,
        "discount_minor": 0,
        **other,
    }


def test_labels_are_what_happened_in_the_window(tmp_path: Path) -> None:
    lines = [order(customer, 1, 500) for customer in range(1, 61)]
    lines += [
        order(1, 10, 700),  # the first second of the window counts
        order(2, 20, 700),  # the first second after it doesn't
        order(3, 12, 900),
        order(3, 13, -400, quantity_milli=-1000),
        order(4, 12, -500, quantity_milli=-1000),  # a return alone is no purchase
    ]
    store = FactStore(write_rows(tmp_path, {"order_lines": lines}))
    with connect(1) as backend:
        backend.open(store)
        span = span_at(backend, START + 30 * DAY)
        sample = labelled(backend, (), [START + 10 * DAY], horizon_days=10, span=span)
    stayed = sample.customer_id[~sample.churned].tolist()
    assert stayed == [1, 3]
    assert dict(zip(sample.customer_id.tolist(), sample.value.tolist(), strict=True)) == {
        customer: {1: 700.0, 3: 500.0}.get(customer, 0.0) for customer in range(1, 61)
    }


def test_value_is_margin_where_costs_are_known(tmp_path: Path) -> None:
    lines = [order(customer, 1, 1000, cost_minor=600) for customer in range(1, 61)]
    lines += [order(1, 12, 1000, cost_minor=700), order(2, 12, 1000)]
    store = FactStore(write_rows(tmp_path, {"order_lines": lines}))
    with connect(1) as backend:
        backend.open(store)
        span = span_at(backend, START + 5 * DAY)
        sample = labelled(backend, (), [START + 10 * DAY], horizon_days=10, span=span)
    assert (span.basis, span.margin_share) == ("margin", 0.4)
    assert sample.value[:3].tolist() == [300.0, 400.0, 0.0]


def test_the_margin_at_an_origin_is_what_was_known_of_it_then(tmp_path: Path) -> None:
    lines = [order(customer, 1, 1000, cost_minor=600) for customer in range(1, 61)]
    lines += [order(customer, 12, 1000, cost_minor=900) for customer in range(1, 61)]
    cutoffs = [START, START + 10 * DAY, START + 20 * DAY]
    with connect(1) as backend:
        backend.open(FactStore(write_rows(tmp_path, {"order_lines": lines})))
        span = span_at(backend, cutoffs[-1])
        shares = margin_shares(backend, cutoffs, span)
    assert [round(shares[cutoff], 9) for cutoff in cutoffs] == [0.25, 0.4, 0.25]


def test_attributes_are_those_that_were_stated_by_then(tmp_path: Path) -> None:
    said: list[tuple[str, int, str | None]] = [
        ("region", 0, "south"),
        ("region", 5, "north"),
        ("region", 10, "east"),
    ]
    said += [("hobby", 0, f"hobby {number}") for number in range(MOST_CHOICES + 1)]
    said += [("newsletter", 10, "true"), ("city", 0, "Bonn"), ("nothing", 0, None)]
    rows = [
        {"customer_id": place, "name": name, "valid_from": START + day * DAY, "text_value": text}
        for place, (name, day, text) in enumerate(said)
    ]
    fields = [AttributeField(name, "choice") for name in ("city", "hobby", "nothing", "region")]
    fields += [AttributeField("newsletter", "boolean"), AttributeField("size", "number")]
    with connect(1) as backend:
        backend.open(FactStore(write_rows(tmp_path, {"attributes": rows})))
        known = known_attributes(backend, fields, START + 10 * DAY)
    assert known == (
        AttributeField("city", "choice", ("Bonn",)),
        AttributeField("region", "choice", ("north", "south")),
    )


def test_days_are_those_of_the_business(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "far_west", {"order_lines": []}, time_zone="Pacific/Honolulu")
    with pytest.raises(NotEnoughHistory, match=r"No purchases on or before 2024-10-26"):
        attempt(path, tmp_path / "models")


AS_OF = dt.date(2024, 10, 26)


def attempt(path: Path, folder: Path, as_of: dt.date = AS_OF) -> None:
    train(path, "churn", as_of=as_of, horizon_days=28, threads=1, folder=folder)


def test_what_cannot_be_learned_is_refused_with_a_reason(tmp_path: Path) -> None:
    few = invent(replace(Business(), customers=40), seed=1)
    for name, lines, reason in (
        ("nothing", [], "No purchases on or before 2024-10-26"),
        ("few", few["order_lines"], r"Only \d+ customers .* at least 50"),
        ("same", [order(c, d, 100) for c in range(80) for d in range(0, 299, 5)], "stayed"),
    ):
        path = write_rows(tmp_path / name, {"order_lines": lines})
        with pytest.raises(NotEnoughHistory, match=reason):
            attempt(path, tmp_path / "models")
    short = write_rows(tmp_path / "short", invent(Business(days=60, customers=200), seed=1))
    for days, reason in (
        (20, r"needs 28 days .* 2024-01-20; the first one is of 2024-01-01"),
        (40, "too short a history to hold anything out"),
    ):
        with pytest.raises(NotEnoughHistory, match=reason):
            attempt(short, tmp_path / "models", Business(days=days).last_day)
    assert not (tmp_path / "models").exists()
