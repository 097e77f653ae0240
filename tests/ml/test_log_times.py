"""Times as files have them: each form, day or month first, offsets, and what can't be decided."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from ml.errors import BadLog
from ml.logs.times import Times, read_times


def read(values: list[Any], zone: str = "UTC", form: str | None = None) -> Times:
    return read_times(pa.array(values), "when", time_zone=zone, time_format=form)


def shown(times: Times) -> list[str | None]:
    moments = times.moment.astype("datetime64[s]")
    return [
        str(moment) if known else None for moment, known in zip(moments, times.known, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-05", "2024-01-05T00:00:00"),
        ("2024/1/5 9:07", "2024-01-05T09:07:00"),
        ("2024-01-05T10:00:00.123456Z", "2024-01-05T10:00:00"),
        ("2024-01-05 10:00:00+02:00", "2024-01-05T08:00:00"),
        ("2024-01-05 10:00 -0330", "2024-01-05T13:30:00"),
        ("20240105", "2024-01-05T00:00:00"),
        ("20240105 10:30", "2024-01-05T10:30:00"),
        ("20240105103059", "2024-01-05T10:30:59"),
        ("202401051030", "2024-01-05T10:30:00"),
        ("5 Jan 2024", "2024-01-05T00:00:00"),
        ("05-JAN-24 11:59 PM", "2024-01-05T23:59:00"),
        ("January 5th, 2024", "2024-01-05T00:00:00"),
        ("Fri, 05 Jan 2024 10:00:00 +0100", "2024-01-05T09:00:00"),
        ("31/01/2024 12:00 am", "2024-01-31T00:00:00"),
        ("01/31/24 12:00 pm", "2024-01-31T12:00:00"),
        ("5.1.2024", "2024-01-05T00:00:00"),
        ("2024年1月5日", "2024-01-05T00:00:00"),
        ("1704448800", "2024-01-05T10:00:00"),
        ("1704448800123", "2024-01-05T10:00:00"),
    ],
)
def test_each_form_is_read(text: str, moment: str) -> None:
    assert shown(read([text])) == [moment]


@pytest.mark.parametrize(
    "value",
    [20240105, 20240105.0, 1704412800, 1704412800.25, 1704412800_000, dt.date(2024, 1, 5),
     dt.datetime(2024, 1, 5, 0, 0, 0, 5)],
)  # fmt: skip
def test_each_type_is_read(value: Any) -> None:
    assert shown(read([value, None])) == ["2024-01-05T00:00:00", None]


def test_what_is_no_time_is_not_known_and_what_is_empty_is_missing() -> None:
    times = read(["2024-01-05", "2024-02-30", "9999-12-31", "0001-01-01", "soon", " ", None])
    assert shown(times) == ["2024-01-05T00:00:00", *[None] * 6]
    assert list(times.missing) == [False] * 5 + [True] * 2


def test_day_or_month_first_is_decided_over_the_whole_column() -> None:
    assert shown(read(["05/01/2024", "16/01/2024"]))[0] == "2024-01-05T00:00:00"
    assert shown(read(["05/01/2024", "01/16/2024"]))[0] == "2024-05-01T00:00:00"


def test_where_no_value_tells_the_reader_is_asked() -> None:
    with pytest.raises(BadLog, match=r"no value tells.*--time-format %d/%m/%Y"):
        read(["05/01/2024", "06/02/2024"])
    told = read(["05/01/2024", "06/02/2024"], form="%m/%d/%Y")
    assert shown(told) == ["2024-05-01T00:00:00", "2024-06-02T00:00:00"]


def test_day_and_month_that_change_places_are_refused() -> None:
    with pytest.raises(BadLog, match="2 times can only be day/month/year and 1 only month/day"):
        read(["13/01/2024", "01/22/2024", "13/01/2024"])


def test_forms_that_are_plain_may_be_mixed_and_are_told() -> None:
    times = read(["2024-01-05", "25/01/2024", "Jan 5, 2024"])
    assert shown(times) == ["2024-01-05T00:00:00", "2024-01-25T00:00:00", "2024-01-05T00:00:00"]
    assert "3 forms" in times.notes[0]


def test_three_forms_of_which_one_can_be_read_two_ways_are_refused() -> None:
    with pytest.raises(BadLog, match="day/month/year or month/day/year"):
        read(["2024-01-05", "05/01/2024", "Jan 5, 2024"])


def test_times_without_an_offset_are_of_the_business() -> None:
    assert shown(read(["2024-01-05 00:30"], "Asia/Shanghai")) == ["2024-01-04T16:30:00"]
    assert shown(read([dt.datetime(2024, 7, 5)], "Europe/Berlin")) == ["2024-07-04T22:00:00"]
    clock_changes = read(["2024-03-31 02:30", "2024-10-27 02:30"], "Europe/Berlin")
    assert shown(clock_changes) == ["2024-03-31T01:00:00", "2024-10-27T00:30:00"]


def test_mixed_offsets_become_utc_and_are_told() -> None:
    times = read(
        ["2024-01-05 10:00+01:00", "2024-01-05 10:00-05:00", "2024-01-05 10:00"], "Europe/Berlin"
    )
    assert shown(times) == ["2024-01-05T09:00:00", "2024-01-05T15:00:00", "2024-01-05T09:00:00"]
    assert "1 times in 'when' name no offset" in times.notes[0]
    two = read(["2024-01-05 10:00+01:00", "2024-01-05 10:00-05:00"])
    assert "2 time zones" in two.notes[0]
    assert read(["2024-01-05 10:00Z", "2024-01-05 10:00"]).notes == ()


def test_aware_columns_are_utc_whatever_the_business() -> None:
    aware = pa.array([dt.datetime(2024, 1, 5, 10)]).cast(pa.timestamp("us", "America/New_York"))
    times = read_times(aware, "when", time_zone="Asia/Tokyo")
    assert times.moment[0] == aware.cast(pa.int64())[0].as_py() // 1_000_000


@pytest.mark.parametrize(
    ("values", "form", "moment"),
    [
        (["45296", "45296.5"], "excel-days", "2024-01-05T00:00:00"),
        ([45296.0, 45296.5], "excel-days", "2024-01-05T00:00:00"),
        (["1704412800"], "epoch-seconds", "2024-01-05T00:00:00"),
        (["2024-01-05 02:00 +0200"], "%Y-%m-%d %H:%M %z", "2024-01-05T00:00:00"),
        ([202401], "%Y%m", "2024-01-01T00:00:00"),
    ],
)
def test_a_format_is_followed(values: list[Any], form: str, moment: str) -> None:
    assert shown(read(values, form=form))[0] == moment


@pytest.mark.parametrize(
    ("values", "form", "complaint"),
    [
        (["45296"], None, "--time-format excel-days"),
        (["Jane Roe"], None, "they look like aaaa aaa"),
        (["", None], None, "is empty"),
        ([True], None, "holds bool"),
        (["2024-01-05"], "%d/%m/%Y", "No time in the column 'when' is written as"),
        (["2024-01-05"], "%Q", "can't be used"),
    ],
)
def test_a_column_without_times_is_refused(
    values: list[Any], form: str | None, complaint: str
) -> None:
    with pytest.raises(BadLog, match=complaint) as refused:
        read(values, form=form)
    assert "Jane" not in str(refused.value)
