"""Personal columns on their way into the database: sealed, and findable by keyed hashes only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from api.db.intake import BatchWriter
from api.domain.personal_data import PersonalDataCipher
from api.intake.fields import FactKind, Field

_SEALED_AS = {"value_encrypted": "identifier"}
"""The name a value is bound to; by default its column's."""
_HASHED = {"email_encrypted": "email_hash", "phone_encrypted": "phone_hash"}


def sealed_name(field: Field) -> str:
    return _SEALED_AS.get(field.target, field.target.removesuffix("_encrypted"))


def hashes(cipher: PersonalDataCipher, name: str, values: pa.Array) -> pa.Array:
    return pa.array(
        [
            None if value is None else cipher.lookup_hash(name, value)
            for value in values.to_pylist()
        ],
        pa.binary(),
    )


def personal_fields(kind: FactKind, present: Sequence[str]) -> list[Field]:
    return [field for field in kind.fields if field.personal and field.name in present]


def add_hashes(
    kind: FactKind, cipher: PersonalDataCipher, columns: dict[str, pa.Array], data: pa.Table
) -> pa.Table:
    """`data` with the look-up hashes of the personal columns that have one."""
    for field in personal_fields(kind, tuple(columns)):
        target = "value_hash" if field.name == "value" else _HASHED.get(field.target)
        if target is not None:
            found = hashes(cipher, sealed_name(field), columns[field.name])
            data = data.append_column(target, found)
    return data


def seal(
    writer: BatchWriter,
    kind: FactKind,
    cipher: PersonalDataCipher,
    columns: dict[str, pa.Array],
    data: pa.Table,
    key: Sequence[str],
    owners: Sequence[str],
) -> tuple[pa.Table, np.ndarray]:
    """`data` with the personal columns encrypted, and a mask of the rows where one is new.

    What is stored already stays as it is, byte for byte: encrypting it again would look like a
    change.
    """
    fields = personal_fields(kind, tuple(columns))
    changed = np.zeros(data.num_rows, dtype=bool)
    if not fields:
        return data, changed
    targets = [field.target for field in fields]
    stored = writer.sealed(kind.table, data.select(list(key)), targets)
    for field in fields:
        values = columns[field.name].to_pylist()
        sealed: list[bytes | None] = []
        for place, (owner, value) in enumerate(zip(owners, values, strict=True)):
            old = stored.get(place, {})
            kept = _unchanged(cipher, sealed_name(field), owner, value, old, field.target)
            changed[place] |= not kept
            if kept:
                sealed.append(old.get(field.target))  # type: ignore[arg-type]
            else:
                sealed.append(
                    None if value is None else cipher.encrypt(sealed_name(field), owner, value)
                )
        data = data.append_column(field.target, pa.array(sealed, pa.binary()))
    return data, changed


def _unchanged(
    cipher: PersonalDataCipher,
    name: str,
    owner: str,
    value: str | None,
    old: dict[str, object],
    target: str,
) -> bool:
    """Whether the stored row says this already; a row that is not there says nothing."""
    present = old.get(target)
    if value is None or not isinstance(present, bytes):
        return value is None and present is None
    return old["owner"] == owner and cipher.decrypt(name, owner, present) == value


def name_tokens(
    cipher: PersonalDataCipher, ids: np.ndarray, names: Sequence[str | None]
) -> pa.Table:
    """The searchable words of names, as rows of the token table."""
    pairs = [
        (token, customer)
        for customer, name in zip(ids.tolist(), names, strict=True)
        if name is not None
        for token in sorted(cipher.name_tokens(name))
    ]
    return pa.table(
        {
            "token_hash": pa.array([token for token, _ in pairs], pa.binary()),
            "customer_id": pa.array([customer for _, customer in pairs], pa.int64()),
        }
    )
