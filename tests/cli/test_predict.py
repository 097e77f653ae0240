"""`echelon predict`: from any folder, without a database, to one row for everyone; nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Answer, Echelon
from tests.cli.logs import FEW, LAST_DAY, TABLE_NAMES, labelled, purchases, write_csv

COLUMNS = [
    "customer_id", "churn_probability", "expected_purchases", "expected_spend", "spend_low",
    "spend_high", "extrapolated", "reasons",
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, from which nothing of the installation is seen."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def on_log(echelon: Echelon, log: Path, out: Path, *more: str) -> Answer:
    usual = {"--as-of": LAST_DAY, "--horizon-days": "28", "--amount": "paid"}
    usual = {option: value for option, value in usual.items() if option not in more}
    words = [word for pair in usual.items() for word in pair]
    return echelon(
        "predict", "--log", str(log), "--customer", "who", "--time", "day", "--out", str(out),
        *words, *more,
    )  # fmt: skip


def test_a_log_gives_a_row_for_every_customer_seen_by_then(echelon: Echelon, place: Path) -> None:
    later = ("late", "2030-01-01", 5.0)
    only_returned = ("returner", "2024-01-02", -5.0)
    rows = [*purchases(), later, only_returned, ("", "2024-01-02", 5.0)]
    log = write_csv(place / "log.csv", rows)
    answer = on_log(echelon, log, place / "out.parquet")
    assert answer.code == 0, answer.err
    found = pq.read_table(place / "out.parquet")
    assert found.column_names == COLUMNS
    ids = found["customer_id"].to_pylist()
    assert ids == sorted({who for who, _, _ in rows} - {"", "late"})
    assert "00001" in ids
    for name in ("churn_probability", "expected_purchases", "expected_spend"):
        assert all(value >= 0 for value in found[name].to_pylist())
    assert max(found["churn_probability"].to_pylist()) <= 1
    low, mean, high = (
        found[name].to_pylist() for name in ("spend_low", "expected_spend", "spend_high")
    )
    assert all(a <= c and b >= 0 for a, b, c in zip(low, mean, high, strict=True))
    assert all(text and not text.startswith("[") for text in found["reasons"].to_pylist())
    spent = sum(paid for _, day, paid in purchases() if day > "2024-07-31")
    assert 0.2 * spent < sum(mean) < 5 * spent
    assert "1 rows: no customer in 'who' (rows " in answer.err
    assert "1 rows are of later days" in answer.err
    assert sorted(path.name for path in place.iterdir()) == ["log.csv", "out.parquet"]
    assert not (place.parent / "var").exists()


def test_the_same_seed_gives_the_same_file_whatever_the_order_of_rows(
    echelon: Echelon, place: Path
) -> None:
    rows = purchases(FEW)
    forward = write_csv(place / "a.csv", rows)
    backward = write_csv(place / "b.csv", reversed(rows))
    later = write_csv(place / "c.csv", [*rows, ("new", "2030-01-01", 0.12345)])
    for log, out in ((forward, "1.csv"), (backward, "2.csv"), (later, "3.csv")):
        assert on_log(echelon, log, place / out).code == 0
    first = (place / "1.csv").read_bytes()
    assert (place / "2.csv").read_bytes() == first
    assert (place / "3.csv").read_bytes() == first


def test_without_amounts_money_is_empty(echelon: Echelon, place: Path) -> None:
    log = write_csv(place / "log.csv", [row[:2] for row in purchases(FEW)], ("who", "day"))
    answer = echelon(
        "predict", "--log", str(log), "--customer", "who", "--time", "day", "--as-of", LAST_DAY,
        "--horizon-days", "28", "--out", "out.csv", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert answer.err == ""
    told = json.loads(answer.out)
    found = pa_csv.read_csv(place / "out.csv")
    assert told["customers"] == found.num_rows
    for name in ("expected_spend", "spend_low", "spend_high"):
        assert found[name].null_count == found.num_rows
    assert found["expected_purchases"].null_count == 0


def test_attributes_are_learned_from(echelon: Echelon, place: Path) -> None:
    log = write_csv(place / "log.csv", purchases(FEW))
    ids = sorted({who for who, _, _ in purchases(FEW)})
    known = [(who, "gold" if int(who) % 3 else "none", "f") for who in ids]
    write_csv(place / "more.csv", known, ("who", "plan", "gender"))
    answer = on_log(echelon, log, place / "out.parquet", "--attributes", str(place / "more.csv"))
    assert answer.code == 0, answer.err
    assert pq.read_table(place / "out.parquet").num_rows == len(ids)
    assert "gender" in answer.err


@pytest.mark.parametrize(
    ("rows", "more", "complaint"),
    [
        ([], (), "is empty"),
        ([("a", "2030-01-01", 1.0)], (), "the first purchase is of 2030-01-01"),
        ([("a", "2024-01-01", -1.0)] * 99, (), "All amounts are negative"),
        ([("a", "2024-01-01", 1.0)] * 99, (), "customers"),
        ([("a", "05/01/2024", 1.0), ("b", "2024-01-05", 1.0)], (), "--time-format"),
        ([("a", "2024-01-01", "much")], (), "no amounts that can be read"),
        ([("a", "2024-01-01", 1e14)] * 99, (), "no amount below 100,000,000,000"),
        ([("a", "2024-01-01", 1.0)], ("--amount", "price"), "the columns are who, day, paid"),
        ([("a", "2024-01-01", 1.0)], ("--as-of", "1999-01-01"), "Choose a later day"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused_and_leaves_nothing(
    echelon: Echelon, place: Path, rows: list[tuple[object, ...]], more: tuple[str, ...],
    complaint: str,
) -> None:  # fmt: skip
    log = write_csv(place / "log.csv", rows)
    answer = on_log(echelon, log, place / "out.csv", *more)
    assert answer.code == 1
    assert complaint in answer.err
    assert [path.name for path in place.iterdir()] == ["log.csv"]


def test_where_nobody_ever_came_back_there_is_nothing_to_learn(
    echelon: Echelon, place: Path
) -> None:
    rows = [(f"c{n:03}", f"2024-{n % 8 + 1:02}-{n % 28 + 1:02}", 5.0 + n % 9) for n in range(200)]
    answer = on_log(echelon, write_csv(place / "log.csv", rows), place / "out.csv")
    assert answer.code == 1
    assert "every customer left" in answer.err
    assert [path.name for path in place.iterdir()] == ["log.csv"]


def test_amounts_of_nothing_are_expected_to_stay_so(echelon: Echelon, place: Path) -> None:
    rows = [(who, day, 0) for who, day, _ in purchases(FEW)]
    answer = on_log(echelon, write_csv(place / "log.csv", rows), place / "out.parquet")
    assert answer.code == 0, answer.err
    found = pq.read_table(place / "out.parquet")
    assert set(found["expected_spend"].to_pylist()) == {0.0}
    assert "All amounts are 0" in answer.err


def test_a_table_gives_a_row_for_each_row(echelon: Echelon, place: Path) -> None:
    rows = labelled()
    train = write_csv(place / "train.csv", rows, TABLE_NAMES)
    score = write_csv(place / "score.csv", [row[:4] for row in rows[:50]], TABLE_NAMES[:4])
    answer = echelon(
        "predict", "--table", str(train), "--label", "left", "--score", str(score),
        "--out", str(place / "out.csv"),
    )  # fmt: skip
    assert answer.code == 0, answer.err
    found = pa_csv.read_csv(place / "out.csv")
    assert found.column_names == ["row", "churn_probability", "reasons"]
    assert found["row"].to_pylist() == list(range(1, 51))
    chances = found["churn_probability"].to_pylist()
    risky = [p for p, row in zip(chances, rows, strict=False) if row[1] < 20]
    safe = [p for p, row in zip(chances, rows, strict=False) if row[1] >= 20]
    assert min(chances) >= 0
    assert max(chances) <= 1
    assert sum(risky) / len(risky) > sum(safe) / len(safe) + 0.2
    assert "gender" in answer.err
    assert "customer_id" in answer.err
    assert sorted(path.name for path in place.iterdir()) == ["out.csv", "score.csv", "train.csv"]


@pytest.mark.parametrize(
    ("labels", "attributes", "more", "complaint"),
    [
        (("yes", "no", "maybe"), (), (), "3 different values"),
        (("no",), (), (), "one value only"),
        ((), ("a", 1, "none", "f"), (), "No column is left"),
        ((), (), ("--label", "churned"), "no column churned"),
        ((), (), ("--positive", "oui"), "--positive"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_and_leaves_nothing(
    echelon: Echelon, place: Path, labels: tuple[str, ...], attributes: tuple[object, ...],
    more: tuple[str, ...], complaint: str,
) -> None:  # fmt: skip
    rows = [
        (*(attributes or row[:4]), labels[number % len(labels)] if labels else row[4])
        for number, row in enumerate(labelled())
    ]
    train = write_csv(place / "train.csv", rows, TABLE_NAMES)
    label = () if "--label" in more else ("--label", "left")
    answer = echelon(
        "predict", "--table", str(train), "--score", str(train), "--out", "out.csv", *label, *more
    )
    assert answer.code == 1
    assert complaint in answer.err
    assert [path.name for path in place.iterdir()] == ["train.csv"]


def test_an_empty_holdout_is_refused(echelon: Echelon, place: Path) -> None:
    train = write_csv(place / "train.csv", labelled(), TABLE_NAMES)
    score = write_csv(place / "score.csv", [], TABLE_NAMES[:4])
    answer = echelon(
        "predict", "--table", str(train), "--label", "left", "--score", str(score),
        "--out", "out.csv",
    )  # fmt: skip
    assert answer.code == 1
    assert "no row that can be read" in answer.err


@pytest.mark.parametrize(
    ("out", "complaint"),
    [
        ("nowhere/out.csv", "no folder nowhere"),
        ("out.xlsx", "must end in .parquet or .csv"),
        ("folder.csv", "is a folder"),
        ("log.csv", "is what is to be read"),
    ],
)
def test_where_nothing_can_be_written_is_said_first(
    echelon: Echelon, place: Path, out: str, complaint: str
) -> None:
    log = write_csv(place / "log.csv", purchases())
    before = log.read_bytes()
    (place / "folder.csv").mkdir()
    answer = on_log(echelon, log, Path(out))
    assert answer.code == 1
    assert complaint in answer.err
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ["--out", "o.csv"],
        ["--log", "l", "--table", "t", "--out", "o.csv"],
        ["--log", "l", "--customer", "c", "--time", "t", "--out", "o.csv"],
        ["--log", "l", "--customer", "c", "--time", "t", "--as-of", "2024-01-01",
         "--horizon-days", "0", "--out", "o.csv"],
        ["--log", "l", "--customer", "c", "--time", "t", "--as-of", "yesterday",
         "--horizon-days", "9", "--out", "o.csv"],
        ["--log", "l", "--customer", "c", "--time", "t", "--as-of", "9999-12-31",
         "--horizon-days", "9", "--out", "o.csv"],
        ["--log", "l", "--customer", "c", "--time", "t", "--as-of", "2024-01-01",
         "--horizon-days", "9", "--out", "o.csv", "--label", "x"],
        ["--log", "l", "--customer", "c", "--time", "t", "--as-of", "2024-01-01",
         "--horizon-days", "9", "--out", "o.csv", "--time-zone", "Mars/Olympus"],
        ["--table", "t", "--label", "x", "--out", "o.csv"],
        ["--table", "t", "--label", "x", "--score", "s", "--out", "o.csv", "--as-of", "2024-01-01"],
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_wrong_usage(
    echelon: Echelon, place: Path, words: list[str]
) -> None:
    assert echelon("predict", *words).code == 2


def test_a_missing_file_is_named(echelon: Echelon, place: Path) -> None:
    answer = on_log(echelon, place / "nothing.csv", place / "out.csv", "--json")
    assert answer.code == 1
    assert "There is no file" in json.loads(answer.out)["error"]["message"]
