"""The catalogue of fields that filters, segments, policies and strategies may read, as data.

Columns hold money in minor units, days as `datetime64[D]` in the business's time zone, missing
numbers as NaN and missing texts as None. Membership of a segment is a boolean column of its own,
`segment.KEY`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from api.domain.fields.contacts import CONTACTS
from api.domain.fields.field import AttributeType, Choice, Field, FieldType, Unit
from api.domain.fields.finance import FINANCE
from api.domain.fields.names import find_field, find_window, nearest, shown, windows_of
from api.domain.fields.people import (
    ABC_CLASSES,
    CUSTOMER_KINDS,
    INTENTS,
    LIFECYCLE_STAGES,
    OWNER,
    PEOPLE,
    RFM_GROUPS,
    RISK_BANDS,
    SEGMENT,
    TIER,
)
from api.domain.fields.predictions import PREDICTIONS
from api.domain.fields.purchases import PURCHASES

__all__ = [
    "ABC_CLASSES",
    "CUSTOMER_KINDS",
    "FIELDS",
    "INTENTS",
    "LIFECYCLE_STAGES",
    "OWNER",
    "RFM_GROUPS",
    "RISK_BANDS",
    "SEGMENT",
    "TIER",
    "AttributeType",
    "Choice",
    "Field",
    "FieldType",
    "Unit",
    "attribute_field",
    "find_field",
    "find_window",
    "known_fields",
    "nearest",
    "shown",
    "windows_of",
]

FIELDS: Mapping[str, Field] = MappingProxyType(
    {each.name: each for each in (*PREDICTIONS, *PURCHASES, *CONTACTS, *FINANCE, *PEOPLE)}
)


def attribute_field(
    name: str, value_type: AttributeType, label_en: str, label_zh: str, *, sensitive: bool = False
) -> Field:
    """The field of a custom attribute; numbers and booleans (0 or 1) are stored as numbers."""
    return Field(
        f"attribute.{name}",
        value_type,
        label_en,
        label_zh,
        "customer_attributes",
        "number_value" if value_type in ("number", "boolean") else "text_value",
        decides_tiers=not sensitive,
    )


def known_fields(own: Iterable[Field] = ()) -> Mapping[str, Field]:
    """The built-in fields and an installation's own, attributes and classes, by name."""
    return MappingProxyType({**FIELDS, **{each.name: each for each in own}})
