"""Columns are matched by name or mapping, and each mismatch comes with the way out."""

from __future__ import annotations

import pytest

from api.db.models import Base
from api.errors import InvalidInput
from api.intake import KINDS
from api.intake.columns import match_columns

ORDERS = ["order_id", "customer_id", "ordered_at", "amount"]


def test_names_and_mappings_are_matched() -> None:
    columns = ["basket", "customer_id", "ordered_at", "amount", "week", ""]
    found = match_columns(KINDS["order_lines"], columns, {"basket": "order_id", "week": "", "": ""})
    assert found.fields == {
        "order_id": "basket",
        "customer_id": "customer_id",
        "ordered_at": "ordered_at",
        "amount": "amount",
    }


def test_an_unknown_column_is_named_with_the_known_fields_and_the_way_out() -> None:
    with pytest.raises(InvalidInput) as caught:
        match_columns(KINDS["order_lines"], [*ORDERS, "week"], {})
    message = str(caught.value)
    assert "'week'" in message
    assert "--map 'week='" in message
    assert all(field.name in message for field in KINDS["order_lines"].fields)


def test_a_missing_column_is_named_with_the_nearest_one() -> None:
    columns = ["order_id", "customerid", "ordered_at", "amount"]
    with pytest.raises(InvalidInput, match=r"needs: customer_id .*'customerid=customer_id'"):
        match_columns(KINDS["order_lines"], columns, {})


def test_all_missing_columns_are_named_at_once() -> None:
    with pytest.raises(InvalidInput, match=r"order_id .*customer_id .*ordered_at .*amount "):
        match_columns(KINDS["order_lines"], ["receipt", "total"], {})


def test_mapping_what_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no column 'nothing' to map"):
        match_columns(KINDS["order_lines"], ORDERS, {"nothing": "store"})


def test_two_columns_can_not_be_the_same_field() -> None:
    with pytest.raises(InvalidInput, match="Both 'amount' and 'total' are amount"):
        match_columns(KINDS["order_lines"], [*ORDERS, "total"], {"total": "amount"})


def test_customers_take_attributes_and_other_kinds_do_not() -> None:
    columns = ["customer_id", "known_at", "size"]
    found = match_columns(KINDS["customers"], columns, {"size": "attributes.household-size"})
    assert found.attributes == {"household-size": "size"}
    with pytest.raises(InvalidInput, match="can't be an attribute's name"):
        match_columns(KINDS["customers"], columns, {"size": "attributes.a b"})
    with pytest.raises(
        InvalidInput, match=r"mapped to 'attributes\.size', is no field of products"
    ):
        match_columns(KINDS["products"], ["product_id", "x"], {"x": "attributes.size"})


def test_every_kind_is_declared_consistently() -> None:
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.label
        names = [field.name for field in kind.fields]
        assert len(names) == len(set(names))
        assert set(kind.key) <= set(names)
        assert all(field.label for field in kind.fields)
        assert all(column in kind.table.c for column in kind.fact_columns)
        assert not kind.priced_on or kind.priced_on in names
        assert bool(kind.priced_on) == any(field.type == "money" for field in kind.fields)


def test_every_imported_fact_of_the_schema_has_a_kind() -> None:
    with_batch = {table.name for table in Base.metadata.tables.values() if "batch_id" in table.c}
    assert with_batch == {kind.table.name for kind in KINDS.values()}  # type: ignore[attr-defined]
