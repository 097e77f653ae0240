"""The sample's rows, under our names, in the order in which they can be imported."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from api.errors import NotReady
from api.intake import sample
from api.intake.columns import match_columns
from api.intake.kinds import KINDS


def test_kinds_come_in_order_with_the_announced_rows_and_known_columns() -> None:
    kinds, announced = [], sample.sample_rows()
    for kind, source in sample.sample_tables():
        kinds.append(kind)
        match_columns(KINDS[kind], source.schema.names, {})
        if isinstance(source, pa.Table):
            assert source.num_rows == announced[kind]
    assert kinds == ["products", "customers", "order_lines", "interactions"]
    assert announced["order_lines"] == 1_469_307
    assert announced["customers"] == 2_469


def test_external_ids_are_unique_and_the_same_each_time() -> None:
    tables = {kind: table for kind, table in sample.sample_tables() if kind != "order_lines"}
    for kind, key in (("customers", "customer_id"), ("interactions", "interaction_id")):
        table = tables[kind]
        assert pc.count_distinct(table[key]).as_py() == table.num_rows
    assert tables["interactions"].equals(dict(sample.sample_tables())["interactions"])


def test_nobody_is_known_later_than_their_first_campaign() -> None:
    tables = dict(sample.sample_tables())
    known = tables["customers"].select(["customer_id", "known_at"])
    contacts = tables["interactions"].select(["customer_id", "occurred_at", "kind"])
    joined = contacts.join(known, "customer_id").to_pandas()
    mailed = joined[joined["kind"] == "campaign"]
    assert (mailed["known_at"] <= mailed["occurred_at"]).all()


def test_a_missing_package_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "PACKAGE", "no_such_package")
    with pytest.raises(NotReady, match="pip install"):
        sample.sample_rows()
