"""Customers into the database with their custom attributes and the searchable words of names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.db.bulk import MergeCounts
from api.db.intake import UNKNOWN, Definition
from api.db.models import Customer, CustomerAttribute
from api.intake import attributes
from api.intake.personal import name_tokens
from api.intake.texts import mask, only
from api.intake.writing import Writing, sealed_table, write_rows

ATTRIBUTE_KEY = ["customer_id", "name", "valid_from"]
ATTRIBUTE_FACTS = ("text_value", "number_value")

TypedValues = tuple[pa.Array, pa.Array]
"""Text values and number values of an attribute, for all rows of a batch."""


def write_customers(writing: Writing) -> MergeCounts:
    """Write customers, then their attributes; a customer counts as changed for either."""
    values = _read_columns(writing)
    data, key, renamed = sealed_table(writing, "customer_id")
    writer, table = writing.writer, Customer.__table__
    writer.stage("staged", table, data)
    writer.keep_earliest("staged")
    external_ids = writing.taken("customer_id")
    _stage_attributes(writing, writer.resolve(table, external_ids), values)
    compared = [name for name in data.column_names if name not in ("external_id", "batch_id")]
    changed = writer.raise_versions(compared)
    added = writer.merge("staged", table, key, writing.kind.fact_columns).added
    ids = writer.resolve(table, external_ids)
    _stage_attributes(writing, ids, values)
    writer.merge("staged_attributes", CustomerAttribute.__table__, ATTRIBUTE_KEY, ATTRIBUTE_FACTS)
    if "name" in writing.batch.columns and renamed.any():
        names = writing.taken("name").filter(pa.array(renamed)).to_pylist()
        tokens = name_tokens(writing.cipher, ids[renamed], names)
        writer.replace_name_tokens(ids[renamed], tokens)
    return MergeCounts(added, changed)


def write_attributes(writing: Writing) -> MergeCounts:
    """Write attributes that come one a row, values of all types in one column."""
    batch = writing.batch
    names = only(batch.columns["name"], batch.wanted)
    text, number = pa.nulls(len(batch), pa.string()), pa.nulls(len(batch), pa.float64())
    definitions = writing.writer.definitions()
    for name in names.drop_null().unique().to_pylist():
        rows = mask(pc.equal(names, name))
        values = only(batch.columns["value"], rows)
        typed = _read(writing, definitions, name, values, "value")
        if typed is not None:
            text = pc.if_else(pa.array(rows), typed[0], text)
            number = pc.if_else(pa.array(rows), typed[1], number)
    batch.columns |= {"value": text, "number_value": number}
    return write_rows(writing)


def _read_columns(writing: Writing) -> dict[str, TypedValues]:
    """The batch's attribute columns, typed; a row with a value that doesn't fit is rejected."""
    found: dict[str, TypedValues] = {}
    definitions = writing.writer.definitions() if writing.batch.attributes else {}
    for name, values in writing.batch.attributes.items():
        column = writing.batch.matched.attributes[name]
        typed = _read(writing, definitions, name, only(values, writing.batch.wanted), column)
        if typed is not None:
            found[name] = typed
    return found


def _read(
    writing: Writing,
    definitions: dict[str, Definition],
    name: str,
    values: pa.Array,
    column: str,
) -> TypedValues | None:
    """Values as the attribute's definition says, which is made if this is its first sight."""
    definition = definitions.get(name) or attributes.define(name, values)
    if definition is None:
        return None
    if name not in definitions:
        writing.writer.define([definition])
    text, number, bad, problem = attributes.read(definition, values)
    writing.batch.reject(column, bad, problem)
    return text, number


def _stage_attributes(writing: Writing, ids: np.ndarray, values: dict[str, TypedValues]) -> None:
    """Stage one row for each value of a customer that has an internal id."""
    places = pa.array(writing.places)
    parts = [_no_attributes()]
    for name, typed in values.items():
        text, number = (column.take(places) for column in typed)
        part = pa.table(
            {
                "customer_id": pa.array(ids),
                "name": pa.array([name] * len(ids), pa.string()),
                "valid_from": writing.taken("attributes_valid_from"),
                "text_value": text,
                "number_value": number,
                "batch_id": writing.same_batch(len(ids)),
            }
        )
        given = pc.or_(pc.is_valid(text), pc.is_valid(number))
        parts.append(part.filter(pc.and_(given, pa.array(ids != UNKNOWN))))
    table = CustomerAttribute.__table__
    writing.writer.stage("staged_attributes", table, pa.concat_tables(parts))


def _no_attributes() -> pa.Table:
    """An empty part, so that the table can be staged when there are none."""
    return pa.table(
        {
            "customer_id": pa.array([], pa.int64()),
            "name": pa.array([], pa.string()),
            "valid_from": pa.array([], pa.timestamp("us", "UTC")),
            "text_value": pa.array([], pa.string()),
            "number_value": pa.array([], pa.float64()),
            "batch_id": pa.array([], pa.int64()),
        }
    )
