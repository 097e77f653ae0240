"""Personal data sealed anew under the present secret, some rows a transaction.

Each value says which key opens it, so a row that is done is known by itself: whenever this is
killed, what is left is found again. Changes, imports and publishers wait for a batch, not for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    delete,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from api.db.batches import take_feed
from api.db.models import Customer, CustomerNameToken
from api.db.personal_data import SEALED, SealedTable, elsewhere
from api.db.snapshots import Query
from api.db.writes import writing
from api.domain.personal_data import PersonalDataCipher

ROWS = 2_000
Progress = Callable[[int], None]
"""Told how many rows were sealed anew so far, after each commit."""


def reseal(engine: Engine, cipher: PersonalDataCipher, progress: Progress, rows: int = ROWS) -> int:
    """Seal everything under the present secret; the number of rows that were not.

    Raises:
        NotReady: something was sealed under a secret that is not known.
    """
    done = 0
    for each in SEALED:
        for number in _batches(engine, each, cipher, rows):
            done += number
            progress(done)
    return done


def _batches(
    engine: Engine, sealed: SealedTable, cipher: PersonalDataCipher, rows: int
) -> Iterator[int]:
    after: Sequence[Any] | None = None
    while True:
        with writing(engine) as connection:
            take_feed(connection)
            found = _next(connection, sealed, cipher, after, rows)
            if found:
                _seal(connection, sealed, cipher, found)
        if not found:
            return
        after = [found[-1]._mapping[column.name] for column in sealed.key]
        yield len(found)


def _next(
    connection: Connection,
    sealed: SealedTable,
    cipher: PersonalDataCipher,
    after: Sequence[Any] | None,
    rows: int,
) -> Sequence[Any]:
    table = sealed.table
    owner = Customer.__table__.c.external_id
    statement: Query = select(*sealed.key, *(table.c[each.column] for each in sealed.values))
    if table is Customer.__table__:
        statement = statement.add_columns(owner.label("owner"))
    else:
        on = Customer.__table__.c.id == table.c.customer_id
        statement = statement.add_columns(owner.label("owner")).join(Customer.__table__, on)
    statement = statement.where(elsewhere(sealed, cipher))
    if after is not None:
        last = [
            literal(value, column.type) for value, column in zip(after, sealed.key, strict=True)
        ]
        statement = statement.where(tuple_(*sealed.key) > tuple_(*last))
    return connection.execute(statement.order_by(*sealed.key).limit(rows)).all()


def _seal(
    connection: Connection, sealed: SealedTable, cipher: PersonalDataCipher, found: Sequence[Any]
) -> None:
    table, rows, names = sealed.table, [], {}
    for row in found:
        values = {f"key_{column.name}": row._mapping[column.name] for column in sealed.key}
        for each in sealed.values:
            old = row._mapping[each.column]
            text = None if old is None else cipher.decrypt(each.name, row.owner, bytes(old))
            new = None if text is None else cipher.encrypt(each.name, row.owner, text)
            values[f"new_{each.column}"] = new
            if each.hashed is not None:
                hashed = None if text is None else cipher.lookup_hash(each.name, text)
                values[f"new_{each.hashed}"] = hashed
            if table is Customer.__table__ and each.name == "name" and text is not None:
                names[row.id] = text
        rows.append(values)
    written = [name for each in sealed.values for name in (each.column, each.hashed) if name]
    statement = update(table).values({name: bindparam(f"new_{name}") for name in written})
    for column in sealed.key:
        statement = statement.where(column == bindparam(f"key_{column.name}"))
    connection.execute(statement, rows)
    _replace_tokens(connection, cipher, names)


def _replace_tokens(
    connection: Connection, cipher: PersonalDataCipher, names: dict[int, str]
) -> None:
    table = CustomerNameToken
    if not names:
        return
    connection.execute(delete(table).where(table.customer_id.in_(names)))
    tokens = [
        {"token_hash": token, "customer_id": customer}
        for customer, name in names.items()
        for token in sorted(cipher.name_tokens(name))
    ]
    if tokens:
        connection.execute(insert(table), tokens)
