"""Every field that an installation's documents may read: built in, attributes, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, select

from api.db.attributes import read_attribute_fields
from api.db.classes import in_force
from api.db.customers import attribute_definitions
from api.db.installation import read_installation
from api.db.models import Classification, Segment
from api.db.snapshots import Snapshot
from api.domain.classes import classification_fields, parse_classifications
from api.domain.fields import SEGMENT, Choice, Field, attribute_field, known_fields
from api.domain.money import exponent_of


def read_known_fields(engine: Engine) -> Mapping[str, Field]:
    """The fields, those of retired classifications among them: old decisions read them."""
    attributes = read_attribute_fields(engine)
    exponent = exponent_of(read_installation(engine).base_currency)
    table = Classification
    with engine.connect() as connection:
        rows = connection.execute(
            select(table.key, table.document).order_by(table.key, table.version)
        ).all()
    documents = list({row.key: row.document for row in rows}.values())
    return fields_with(attributes, documents, exponent)


async def known_fields_in(snapshot: Snapshot, exponent: int) -> Mapping[str, Field]:
    """The fields of rules that are written now: by the classifications in force."""
    attributes = [
        attribute_field(
            row.name, row.value_type, row.label_en, row.label_zh, sensitive=row.sensitive
        )
        for row in await attribute_definitions(snapshot)
    ]
    table = Classification.__table__.c
    rows = await snapshot.rows(
        select(table.key, table.document).where(in_force(None)).order_by(table.key, table.version)
    )
    documents = list({row.key: row.document for row in rows}.values())
    return fields_with(attributes, documents, exponent)


def fields_with(
    attributes: Sequence[Field], documents: Sequence[Mapping[str, Any]], exponent: int
) -> Mapping[str, Field]:
    classes = parse_classifications(documents, known_fields(attributes), exponent)
    return known_fields((*attributes, *classification_fields(classes)))


async def segment_labels(snapshot: Snapshot) -> dict[str, Field]:
    """The field `segment` with the names of all segments, those that were given up among them."""
    table = Segment.__table__.c
    rows = await snapshot.rows(select(table.key, table.name_en, table.name_zh).order_by(table.key))
    choices = tuple(Choice(row.key, row.name_en, row.name_zh) for row in rows)
    return {SEGMENT.name: replace(SEGMENT, choices=choices)}
