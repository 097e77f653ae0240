"""Customers that people create and change, as facts of batches of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from api.db.batches import begin_batch, take_feed
from api.db.models import (
    AttributeDefinition,
    Customer,
    CustomerAttribute,
    CustomerNameToken,
    Installation,
)
from api.db.snapshots import visible_to
from api.domain.customers import TypedValue
from api.domain.personal_data import PersonalDataCipher
from api.errors import Conflict, InvalidInput, NotFound

CONTACTS = ("name", "email", "phone")
FOUND_BY = ("email", "phone")
"""Contacts with a keyed hash of their own; a name has one for each of its words."""


@dataclass(frozen=True)
class Said:
    """What somebody says of a customer, in its one spelling; what is left out stays as it is."""

    plain: Mapping[str, Any] = field(default_factory=dict)
    """kind, industry, region, owner."""
    contacts: Mapping[str, str | None] = field(default_factory=dict)
    """name, email, phone; None takes it away."""
    attributes: Mapping[str, TypedValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Author:
    """Who speaks: the batch's source, whose customers they may touch, and when."""

    source: str
    owner: str | None
    now: dt.datetime


def attribute_types(connection: Connection) -> dict[str, tuple[str, bool]]:
    """By name the type of each custom attribute, and whether it is sensitive."""
    table = AttributeDefinition
    rows = connection.execute(select(table.name, table.value_type, table.sensitive))
    return {row.name: (row.value_type, row.sensitive) for row in rows}


def create_customer(
    connection: Connection,
    external_id: str,
    known_at: dt.datetime,
    said: Said,
    cipher: PersonalDataCipher,
    author: Author,
) -> int:
    """Store a new customer; the next refresh brings them in. Returns the row's id.

    Raises:
        Conflict: somebody has this number.
    """
    take_feed(connection)
    if connection.scalar(select(Customer.id).where(Customer.external_id == external_id)):
        raise Conflict("externalId: another customer has this number. Change that one instead.")
    batch = begin_batch(connection, "customers", author.source, author.now)
    row = {"external_id": external_id, "known_at": known_at, "batch_id": batch}
    row |= {**said.plain, **_sealed(said.contacts, external_id, cipher)}
    statement = insert(Customer).values(row).returning(Customer.id)
    customer = int(connection.execute(statement).scalar_one())
    _write_tokens(connection, customer, said.contacts, cipher)
    _write_attributes(connection, customer, said.attributes, author.now, batch)
    return customer


def update_customer(
    connection: Connection,
    external_id: str,
    expected_version: int,
    said: Said,
    cipher: PersonalDataCipher,
    author: Author,
) -> int:
    """Change a customer's record if it is as its reader has seen it. Returns the row's id.

    Another kind corrects history, so the fact store is built anew; attributes are facts of now.
    What is said again as it is changes nothing, the version neither.

    Raises:
        NotFound: there is no such customer, or none of the author's.
        Conflict: somebody else has changed the record meanwhile.
    """
    take_feed(connection)
    found = _seen(connection, external_id, expected_version, author)
    new = _differing(connection, found, said, cipher)
    if not (new.plain or new.contacts or new.attributes):
        return int(found.id)
    sealed = _sealed(new.contacts, external_id, cipher)
    values = {**new.plain, **sealed, "version": found.version + 1}
    connection.execute(update(Customer).where(Customer.id == found.id).values(values))
    _write_tokens(connection, found.id, new.contacts, cipher)
    if new.attributes:
        batch = begin_batch(connection, "attributes", author.source, author.now)
        _write_attributes(connection, found.id, new.attributes, author.now, batch)
    if "kind" in new.plain:
        raised = Installation.facts_epoch + 1
        connection.execute(update(Installation).values(facts_epoch=raised))
    return int(found.id)


def _seen(connection: Connection, external_id: str, expected_version: int, author: Author) -> Any:
    found = connection.execute(
        select(Customer.__table__)
        .where(Customer.external_id == external_id)
        .where(visible_to(author.owner, Customer.__table__.c.id))
    ).first()
    if found is None:
        raise NotFound("externalId: there is no customer with this number.")
    if found.version != expected_version:
        raise Conflict(
            f"expectedVersion: the customer is at version {found.version}. Read it again."
        )
    return found


def _differing(connection: Connection, found: Any, said: Said, cipher: PersonalDataCipher) -> Said:
    """What is said otherwise than it is stored."""

    def attribute_differs(name: str, value: TypedValue) -> bool:
        return _present(connection, found.id, name) != value

    return Said(
        {name: each for name, each in said.plain.items() if getattr(found, name) != each},
        {
            name: each
            for name, each in said.contacts.items()
            if _opened(name, found, cipher) != each
        },
        {name: each for name, each in said.attributes.items() if attribute_differs(name, each)},
    )


def _sealed(
    contacts: Mapping[str, str | None], external_id: str, cipher: PersonalDataCipher
) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for name, value in contacts.items():
        sealed = None if value is None else cipher.encrypt(name, external_id, value)
        found[f"{name}_encrypted"] = sealed
        if name in FOUND_BY:
            found[f"{name}_hash"] = None if value is None else cipher.lookup_hash(name, value)
    return found


def _opened(name: str, row: Any, cipher: PersonalDataCipher) -> str | None:
    sealed = getattr(row, f"{name}_encrypted")
    return None if sealed is None else cipher.decrypt(name, row.external_id, bytes(sealed))


def _write_tokens(
    connection: Connection,
    customer: int,
    contacts: Mapping[str, str | None],
    cipher: PersonalDataCipher,
) -> None:
    """The searchable words of a name that is new."""
    if "name" not in contacts:
        return
    table, name = CustomerNameToken, contacts["name"]
    connection.execute(delete(table).where(table.customer_id == customer))
    if name is not None and (tokens := sorted(cipher.name_tokens(name))):
        rows = [{"token_hash": token, "customer_id": customer} for token in tokens]
        connection.execute(insert(table), rows)


def _present(connection: Connection, customer: int, name: str) -> TypedValue | None:
    table = CustomerAttribute
    row = connection.execute(
        select(table.text_value, table.number_value)
        .where(table.customer_id == customer, table.name == name)
        .order_by(table.valid_from.desc())
        .limit(1)
    ).first()
    return None if row is None else (row.text_value, row.number_value)


def _write_attributes(
    connection: Connection,
    customer: int,
    attributes: Mapping[str, TypedValue],
    since: dt.datetime,
    batch: int,
) -> None:
    table = CustomerAttribute
    for name, (text, number) in attributes.items():
        row = {"customer_id": customer, "name": name, "valid_from": since, "batch_id": batch}
        later = select(table.name).where(
            table.customer_id == customer, table.name == name, table.valid_from >= since
        )
        if connection.scalar(later) is not None:
            raise InvalidInput(
                f"attributes: a later value of {name} is known already; import the earlier one."
            )
        connection.execute(insert(table).values(row | {"text_value": text, "number_value": number}))
