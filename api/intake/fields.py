"""What a kind of fact is made of: fields with types, a natural key, a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

FieldType = Literal[
    "text", "choice", "integer", "number", "rate", "quantity", "money", "currency",
    "moment", "day", "boolean", "name", "email", "phone", "secret",
]  # fmt: skip
PERSONAL_TYPES: frozenset[FieldType] = frozenset({"name", "email", "phone", "secret"})
Reference = Literal["customers", "products"]


@dataclass(frozen=True)
class Field:
    name: str
    type: FieldType
    label: str
    required: bool = False
    column: str = ""
    """The database column it lands in; by default the one of the same name."""
    allowed: tuple[str, ...] = ()
    default: str | None = None
    """Read where the file has no such column, or nothing in it."""
    refers_to: Reference | None = None
    """The value is an external id of that table; the stored one is its internal id."""
    ahead: bool = False
    """May lie in the future: due dates, promises, expectations."""
    minimum: float | None = None

    @property
    def target(self) -> str:
        return self.column or self.name

    @property
    def personal(self) -> bool:
        """Encrypted when stored; never shown in reasons or quarantine files."""
        return self.type in PERSONAL_TYPES


@dataclass(frozen=True)
class FactKind:
    name: str
    label: str
    table: sa.FromClause
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    """The fields that make a row the same row when a file is imported again."""
    fact_columns: tuple[str, ...] = ()
    """The columns that the fact store holds: a change in them is a correction of history."""
    create_missing: tuple[Reference, ...] = ()
    """Tables in which an unknown external id gets a row instead of being refused."""
    priced_on: str = ""
    """The field whose day decides the exchange rate of the row's amounts."""
    takes_attributes: bool = False
    """Columns `attributes.NAME` become custom attributes of the row's customer."""

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    @property
    def key_columns(self) -> tuple[str, ...]:
        return tuple(self.field(name).target for name in self.key)


def customer_field(label: str = "The customer's id in your systems") -> Field:
    return Field("customer_id", "text", label, required=True, refers_to="customers")


def id_field(name: str, label: str) -> Field:
    return Field(name, "text", label, required=True, column="external_id")


def text_field(name: str, label: str, *, required: bool = False) -> Field:
    return Field(name, "text", label, required=required)


def moment_field(name: str, label: str) -> Field:
    return Field(name, "moment", label, required=True)


def day_field(name: str, label: str, *, required: bool = False, ahead: bool = False) -> Field:
    return Field(name, "day", label, required=required, ahead=ahead)


def choice_field(
    name: str, label: str, allowed: tuple[str, ...], default: str | None = None
) -> Field:
    return Field(name, "choice", label, default is None, allowed=allowed, default=default)


CURRENCY = Field("currency", "currency", "ISO 4217 code; by default the base currency")
CHANNEL = text_field("channel", "Where: store, web, app, phone, mail, ...")


def money_field(name: str, label: str, column: str, *, required: bool = False) -> Field:
    return Field(name, "money", label, required=required, column=column)
