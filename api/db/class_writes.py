"""Changes of classifications: checked against everything that reads them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping

from sqlalchemy import Connection, select

from api.db.catalogue import segment_document
from api.db.classes import (
    Document,
    put_classification,
    read_classifications,
    retire_classification,
)
from api.db.document_versions import Change, save_document
from api.db.models import Segment, Strategy
from api.db.policies import policy_in_force
from api.domain.classes import (
    OWN_COLUMNS,
    classification_fields,
    field_name,
    parse_classification,
    parse_classifications,
)
from api.domain.fields import Field
from api.domain.segments import parse_segment
from api.domain.strategies import parse_strategies
from api.domain.tiers import parse_policy
from api.errors import InUse, InvalidInput

Fields = Mapping[str, Field]
MOST_CLASSIFICATIONS = 60
"""What a customer's list of classes is priced for."""


def save_classification(
    connection: Connection,
    document: Document,
    expected_version: int | None,
    fields: Fields,
    exponent: int,
    change: Change,
    effective_from: dt.date | None = None,
) -> int:
    """Store a new version; it decides from the next refresh on, or from a day that is to come.

    Raises:
        InvalidInput: the document is wrong, the day lies before that of a planned version, or
            there are as many as there may be.
        InUse: a class, segment, strategy or the tier policy needs what it takes away.
        Conflict, NotFound: it has another version than was expected, or none.
    """
    plain = _without_classes(fields)
    others = [each.document for each in read_classifications(connection)]
    parsed = parse_classification(document, others, plain, exponent)
    beside = [each for each in others if each["key"] != parsed.key]
    if len(beside) >= MOST_CLASSIFICATIONS:
        raise InvalidInput(
            f"An installation has at most {MOST_CLASSIFICATIONS} classifications: "
            "give one up first."
        )
    _check_readers(connection, parsed.key, [document, *beside], plain, exponent)
    version = save_document(
        connection, "classification", parsed.key, document, expected_version, change
    )
    put_classification(connection, document, version, change.now, effective_from)
    return version


def give_up_classification(
    connection: Connection,
    key: str,
    expected_version: int,
    fields: Fields,
    exponent: int,
    change: Change,
) -> None:
    """Decide by it no longer; what it decided stays on record.

    Raises:
        InUse: something reads it, or it is one that profiles always show.
        Conflict, NotFound: it has another version than was expected, or there is none.
    """
    if key in OWN_COLUMNS:
        raise InUse(f"key: every profile shows {key}; change it instead.")
    plain = _without_classes(fields)
    others = [each.document for each in read_classifications(connection) if each.key != key]
    try:
        parse_classifications(others, plain, exponent)
    except InvalidInput as error:
        raise InUse(f"key: another classification reads {key}: {error}") from None
    _check_readers(connection, key, others, plain, exponent)
    save_document(connection, "classification", key, None, expected_version, change)
    retire_classification(connection, key, change.now)


def _without_classes(fields: Fields) -> Fields:
    return {name: each for name, each in fields.items() if each.class_key is None}


def _check_readers(
    connection: Connection, key: str, classes: list[Document], plain: Fields, exponent: int
) -> None:
    made = classification_fields(parse_classifications(classes, plain, exponent))
    fields = {**plain, **{each.name: each for each in made}}
    name = json.dumps(field_name(key))
    for what, document, read in _readers(connection, fields, exponent):
        if name not in json.dumps(document):
            continue
        try:
            read(document)
        except InvalidInput as error:
            raise InUse(f"document: the {what} needs what this takes away: {error}") from None


def _readers(
    connection: Connection, fields: Fields, exponent: int
) -> list[tuple[str, Document, Callable[[Document], object]]]:
    segments = connection.execute(
        select(Segment.__table__).where(Segment.retired_on.is_(None)).order_by(Segment.key)
    )
    strategies = connection.execute(
        select(Strategy.key, Strategy.document).where(Strategy.active).order_by(Strategy.key)
    )
    policy = policy_in_force(connection)
    return [
        *(
            (
                f"segment {row.key}",
                segment_document(row),
                lambda each: parse_segment(each, exponent, fields),
            )
            for row in segments
        ),
        *(
            (
                f"strategy {row.key}",
                row.document,
                lambda each: parse_strategies([each], exponent, fields),
            )
            for row in strategies
        ),
        (
            f"tier policy {policy.key}",
            policy.document,
            lambda each: parse_policy(each, exponent, fields),
        ),
    ]
