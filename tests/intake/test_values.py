"""Cells become exact values or are rejected with a reason; nothing is guessed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.contact_points import normalise_email, normalise_phone
from api.domain.money import exponent_of
from api.intake.amounts import ExchangeRates, scaled
from api.intake.attributes import define, is_sensitive, read
from api.intake.moments import local_days, read_days, read_moments
from api.intake.texts import as_text, read_booleans, read_integers, read_numbers

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("currency", "exponent"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("CNY", 2)]
)
def test_currencies_have_their_decimals(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


def test_amounts_are_exact_or_rejected() -> None:
    cells = ["1", "1.5", "-2.50", "+.25", "1.", "1.2500", "", None, "1.255", "x", ".", "1,5", "$1"]
    values, bad, fine = scaled(pa.array(cells), 2)
    expected = [100, 150, -250, 25, 100, 125, None, None, None, None, None, None, None]
    assert values.to_pylist() == expected
    assert np.flatnonzero(fine).tolist() == [8]
    assert np.flatnonzero(bad).tolist() == [9, 10, 11, 12]


@given(st.integers(-(10**14) + 1, 10**14 - 1), st.sampled_from([0, 2, 3, 4]))
def test_any_amount_survives_as_text_and_as_decimal(minor: int, exponent: int) -> None:
    amount = Decimal(minor).scaleb(-exponent)
    for cells in (pa.array([f"{amount:f}"]), pa.array([amount])):
        values, bad, fine = scaled(cells, exponent)
        assert values.to_pylist() == [minor]
        assert not bad.any()
        assert not fine.any()


def test_floats_pass_within_a_millionth_of_a_minor_unit() -> None:
    cells = pa.array([0.1 + 0.2, 1.005, float("nan"), float("inf"), None, 1e300])
    values, bad, fine = scaled(cells, 2)
    assert values.to_pylist() == [30, None, None, None, None, None]
    assert (np.flatnonzero(bad).tolist(), np.flatnonzero(fine).tolist()) == ([3, 5], [1])


def test_a_yen_has_no_decimals_and_a_dinar_three() -> None:
    assert scaled(pa.array(["100", "100.00", "100.5"]), 0)[0].to_pylist() == [100, 100, None]
    assert scaled(pa.array(["1.234"]), 3)[0].to_pylist() == [1234]


def test_the_latest_rate_on_or_before_the_day_counts_and_rounding_is_to_even() -> None:
    first, second = dt.date(2017, 1, 1), dt.date(2017, 2, 1)
    rates = ExchangeRates("USD", [("JPY", second, "0.01"), ("JPY", first, "0.005")])
    assert rates.convert(101, "JPY", dt.date(2016, 12, 31)) is None
    assert rates.convert(101, "JPY", first) == 50  # 50.5 cents
    assert rates.convert(103, "JPY", dt.date(2017, 1, 31)) == 52  # 51.5 cents
    assert rates.convert(101, "JPY", dt.date(2018, 1, 1)) == 101
    assert ExchangeRates("KWD", [("USD", first, "0.3")]).convert(100, "USD", first) == 300


def test_moments_are_read_in_the_business_zone_and_offsets_are_honoured() -> None:
    cells = [
        "2017-01-01",
        "2017-07-01 10:00",
        "2017-07-01T10:00:00.25+02:00",
        "2017-07-01T10:00:00Z",
        "2017-07-01 10:00:00 -0500",
        "",
    ]
    values, bad, skipped = read_moments(pa.array(cells), BERLIN)
    stamps = [None if value is None else value.isoformat() for value in values.to_pylist()]
    assert stamps == [
        "2016-12-31T23:00:00+00:00",
        "2017-07-01T08:00:00+00:00",
        "2017-07-01T08:00:00.250000+00:00",
        "2017-07-01T10:00:00+00:00",
        "2017-07-01T15:00:00+00:00",
        None,
    ]
    assert not bad.any()
    assert not skipped.any()


def test_the_hour_that_occurs_twice_is_the_first_and_the_one_that_does_not_is_rejected() -> None:
    cells = ["2017-10-29 02:30:00", "2017-10-29 02:30:00+01:00", "2017-03-26 02:30:00"]
    values, bad, skipped = read_moments(pa.array(cells), BERLIN)
    first, second, missing = values.to_pylist()
    assert second - first == dt.timedelta(hours=1)
    assert missing is None
    assert (bad.tolist(), skipped.tolist()) == ([False] * 3, [False, False, True])


def test_arrow_moments_and_days_are_read_likewise() -> None:
    naive = pa.array([dt.datetime(2017, 7, 1, 10)], pa.timestamp("ns"))
    aware = pa.array([dt.datetime(2017, 7, 1, 8, tzinfo=dt.UTC)], pa.timestamp("ms", "UTC"))
    assert read_moments(naive, BERLIN)[0] == read_moments(aware, BERLIN)[0]
    late = pa.array([dt.datetime(2017, 6, 30, 22, 30, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))
    july = dt.date(2017, 7, 1)
    assert read_days(late, BERLIN)[0].to_pylist() == [july]
    assert local_days(late, BERLIN).to_pylist() == [july]
    assert read_days(pa.array([july]), BERLIN)[0].to_pylist() == [july]


def test_what_is_no_day_or_moment_is_rejected() -> None:
    cells = pa.array(["2017-02-30", "01/02/2017", "2017-1-1", "yesterday", "2017-01-01T25:00"])
    assert read_moments(cells, BERLIN)[1].all()
    assert read_days(cells, BERLIN)[1].all()
    assert read_days(pa.array(["2016-02-29"]), BERLIN)[0].to_pylist() == [dt.date(2016, 2, 29)]


def test_numbers_integers_and_booleans() -> None:
    numbers, bad = read_numbers(pa.array(["1e3", "-.5", "nan", "1e999", "0x1", " 7 ", None]))
    assert numbers.to_pylist() == [1000.0, -0.5, None, None, None, 7.0, None]
    assert np.flatnonzero(bad).tolist() == [2, 3, 4]
    integers, bad = read_integers(pa.array(["+3", "-4", "1.5", "9" * 19, ""]))
    assert (integers.to_pylist(), bad.sum()) == ([3, -4, None, None, None], 2)
    booleans, bad = read_booleans(pa.array(["Yes", "否", "0", "maybe", None]))
    assert (booleans.to_pylist(), bad.sum()) == ([True, False, False, None, None], 1)


def test_ids_look_the_same_whatever_type_the_file_gave_them() -> None:
    expected = ["12", None]
    for cells in (["12", " "], [12, None], [12.0, None], ["12 ", ""]):
        assert as_text(pa.array(cells)).to_pylist() == expected


@pytest.mark.parametrize(
    ("values", "value_type"),
    [
        (["1", "2.5"], "number"),
        (["0", "1"], "number"),
        (["yes", "No"], "boolean"),
        (["2017-01-01", "2016-02-29"], "date"),
        (["1", "3+"], "text"),
    ],
)
def test_the_type_of_an_attribute_shows_in_its_values(values: list[str], value_type: str) -> None:
    found = define("x", pa.array([None, *values]))
    assert found is not None
    assert found.value_type == value_type
    assert not read(found, pa.array(values))[2].any()
    assert define("x", pa.array([None], pa.string())) is None


@pytest.mark.parametrize(
    ("name", "sensitive"),
    [
        ("age", True),
        ("Marital_Status", True),
        ("annual-income", True),
        ("性别", True),
        ("page", False),
        ("household_size", False),
    ],
)
def test_well_known_sensitive_names(name: str, sensitive: bool) -> None:
    assert is_sensitive(name) is sensitive


def test_contact_points_have_one_spelling() -> None:
    assert normalise_email(" Ann.Example@EXAMPLE.org ") == "ann.example@example.org"
    assert normalise_email("nobody") is None
    assert normalise_phone("+44 (0)20 7183 8750") == "+442071838750"
    assert normalise_phone("020 7183 8750") is None
    assert normalise_phone("call me") is None
