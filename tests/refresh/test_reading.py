"""Documents are read once, and anew as soon as anything that they are read by is another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from api.deciding.reading import read_once
from api.domain.fields import FIELDS, Choice, Field
from api.domain.rules import Rule, parse_rule
from api.errors import InvalidInput

DOCUMENT = {"net_spend": {"gte": "100.5"}}


def read(document: object, exponent: int, fields: Mapping[str, Field]) -> Rule:
    return parse_rule(document, fields, exponent)


def test_the_same_is_read_once() -> None:
    first = read_once(read, DOCUMENT, 2, FIELDS)
    assert read_once(read, dict(DOCUMENT), 2, dict(FIELDS)) is first


def test_anything_else_is_read_anew() -> None:
    first = read_once(read, DOCUMENT, 2, FIELDS)
    assert read_once(read, {"net_spend": {"gte": "100.6"}}, 2, FIELDS) != first
    assert read_once(read, DOCUMENT, 3, FIELDS) != first
    with pytest.raises(InvalidInput, match="decimals"):
        read_once(read, DOCUMENT, 0, FIELDS)


def test_a_field_that_takes_other_values_reads_a_document_anew() -> None:
    document = {"abc_class": "A"}
    assert read_once(read, document, 2, FIELDS)
    fields = dict(FIELDS) | {
        "abc_class": replace(FIELDS["abc_class"], choices=(Choice("Z", "Z", "Z"),))
    }
    with pytest.raises(InvalidInput, match="abc_class"):
        read_once(read, document, 2, fields)
