"""Where personal data is stored encrypted, and which secret it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, func, or_, select

from api.db.models import Base
from api.domain.personal_data import HEADER_BYTES, PersonalDataCipher
from api.errors import NotReady


@dataclass(frozen=True)
class SealedValue:
    """A column of ciphertexts, the name that each is bound to, and the column it is found by."""

    column: str
    name: str
    hashed: str | None = None


@dataclass(frozen=True)
class SealedTable:
    """A table with such columns; its rows are bound to their customer's own number."""

    table: Table
    values: tuple[SealedValue, ...]

    @property
    def key(self) -> tuple[Column[object], ...]:
        return tuple(self.table.primary_key.columns)


def _sealed(table: str, *values: SealedValue) -> SealedTable:
    return SealedTable(Base.metadata.tables[table], values)


SEALED = (
    _sealed(
        "customers",
        SealedValue("name_encrypted", "name"),
        SealedValue("email_encrypted", "email", "email_hash"),
        SealedValue("phone_encrypted", "phone", "phone_hash"),
    ),
    _sealed("customer_identifiers", SealedValue("value_encrypted", "identifier", "value_hash")),
    _sealed("feedback", SealedValue("comment_encrypted", "comment")),
    _sealed(
        "purchase_intents",
        SealedValue("refusal_reason_encrypted", "refusal_reason"),
        SealedValue("wanted_feature_encrypted", "wanted_feature"),
    ),
    _sealed("consents", SealedValue("proof_encrypted", "proof")),
    _sealed("strategy_actions", SealedValue("note_encrypted", "action_note")),
    _sealed("customer_cases", SealedValue("note_encrypted", "case_note")),
)
"""Every column of ciphertexts; a test compares it with the models."""


def elsewhere(sealed: SealedTable, cipher: PersonalDataCipher) -> ColumnElement[bool]:
    """The row has a value that is not sealed under the present secret."""
    columns = [sealed.table.c[each.column] for each in sealed.values]
    return or_(
        *(
            column.is_not(None) & (func.substr(column, 1, HEADER_BYTES) != cipher.header)
            for column in columns
        )
    )


def left_to_seal(engine: Engine, cipher: PersonalDataCipher) -> int:
    """How many rows hold a value that is not sealed under the present secret."""
    with engine.connect() as connection:
        counts = [
            select(func.count()).select_from(each.table).where(elsewhere(each, cipher))
            for each in SEALED
        ]
        return sum(int(connection.scalar(each) or 0) for each in counts)


def sealed_examples(connection: Connection) -> list[bytes]:
    """One stored ciphertext of each column: they say which secret opens them."""
    found = []
    for each in SEALED:
        for value in each.values:
            column = each.table.c[value.column]
            example = connection.scalar(select(column).where(column.is_not(None)).limit(1))
            if example is not None:
                found.append(bytes(example))
    return found


def require_rotated(engine: Engine, cipher: PersonalDataCipher) -> None:
    """Raises:
    NotReady: some of the stored personal data is still sealed under a previous secret.
    """
    if cipher.rotating and left_to_seal(engine, cipher):
        raise NotReady(UNFINISHED)


UNFINISHED = (
    "Some personal data is still encrypted under the previous secret; rows that are imported now "
    "would not be found beside it. First run: echelon secrets rotate"
)
