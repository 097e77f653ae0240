"""What customers allow, and what follows at once when they withdraw it.

A customer's latest word counts, for each purpose and channel by itself. Partners get the scores of
everybody but those who have withdrawn, on any channel, their consent to one of
`PARTNER_PURPOSES`; nothing said is nothing withdrawn. The feed delivers a tombstone for them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import aliased

from api.db.batches import begin_batch, take_feed
from api.db.customers import grouped
from api.db.feed import REMEMBER
from api.db.models import Consent, ImportBatch, Installation
from api.db.snapshots import Record, Snapshot
from api.errors import Conflict

PARTNER_PURPOSES = ("partner_sharing", "profiling")
"""Being judged by models at all, and partners being told of it."""


@dataclass(frozen=True)
class Word:
    """What a customer said about one purpose and channel."""

    customer_id: int
    purpose: str
    channel: str
    recorded_at: dt.datetime
    granted: bool
    proof_encrypted: bytes | None


def withdrawn(customer: ColumnElement[int], purposes: Sequence[str]) -> ColumnElement[bool]:
    """The customer's latest word on one of these purposes, on some channel, is a withdrawal."""
    word = aliased(Consent)
    return _latest_word(word, customer, word.purpose.in_(purposes), not_(word.granted))


def _latest_word(
    word: type[Consent], customer: ColumnElement[int], *conditions: ColumnElement[bool]
) -> ColumnElement[bool]:
    """There is such a word of the customer's, and no later one on its purpose and channel."""
    later = aliased(Consent)
    newer = exists().where(
        later.customer_id == word.customer_id,
        later.purpose == word.purpose,
        later.channel == word.channel,
        later.recorded_at > word.recorded_at,
    )
    return exists().where(and_(word.customer_id == customer, not_(newer), *conditions))


def taken_back(
    customer: ColumnElement[int], purpose: ColumnElement[Any], channel: ColumnElement[Any]
) -> ColumnElement[bool]:
    """What was allowed for this purpose has been withdrawn, and nothing else allows it.

    A purpose that is null needs no consent; a channel that is null may be any. What was recommended
    had somebody's consent, so where nothing was withdrawn it still has.
    """
    word, other = aliased(Consent), aliased(Consent)
    on = [
        (each.purpose == purpose, or_(channel.is_(None), each.channel == channel))
        for each in (word, other)
    ]
    return and_(
        purpose.is_not(None),
        _latest_word(word, customer, *on[0], word.granted.is_(False)),
        not_(_latest_word(other, customer, *on[1], other.granted.is_(True))),
    )


def may_be_shared(customer: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether partners may have this customer's score; `customer` is a column of internal ids.

    Each score keeps the answer as `shared`, which is what the feed reads. Whoever writes consents
    moves the feed in the same transaction, so that those who read on from a revision hear of it:
    see `record_word` and `SharingWatch`.
    """
    return not_(withdrawn(customer, PARTNER_PURPOSES))


_STANDING_SQL = (
    "FROM consents w WHERE w.purpose IN ("
    + ", ".join(f"'{purpose}'" for purpose in PARTNER_PURPOSES)
    + ") AND NOT w.granted AND NOT EXISTS (SELECT 1 FROM consents n "
    "WHERE n.customer_id = w.customer_id AND n.purpose = w.purpose AND n.channel = w.channel "
    "AND n.recorded_at > w.recorded_at)"
)
WITHHELD_SQL = f"EXISTS (SELECT 1 {_STANDING_SQL} AND w.customer_id = {{0}})"
"""The opposite of `may_be_shared` as text, for statements over ADBC."""
WITHDRAWN_SQL = f"SELECT DISTINCT w.customer_id {_STANDING_SQL}"
"""All whose scores partners may not have."""


@dataclass(frozen=True)
class SharingWatch:
    """Moves the feed for those of `staged` whose sharing an import of consents has changed.

    The caller holds the lock on the installation's row, as every publisher does.
    """

    run_sql: Callable[[str], int]
    staged: str

    def begin(self) -> None:
        """Remember who is withheld before the consents are written."""
        self.run_sql("DROP TABLE IF EXISTS sharing")
        self.run_sql(
            f"CREATE TEMPORARY TABLE sharing AS SELECT s.customer_id, "
            f"CASE WHEN {WITHHELD_SQL.format('s.customer_id')} THEN 1 ELSE 0 END AS withheld "
            f"FROM (SELECT DISTINCT customer_id FROM {self.staged}) s"
        )

    def end(self) -> None:
        """Number the scores on of those who are withheld since, or no longer."""
        now = f"CASE WHEN {WITHHELD_SQL.format('h.customer_id')} THEN 1 ELSE 0 END"
        last = "(SELECT last_revision FROM installation)"
        self.run_sql("DROP TABLE IF EXISTS moved")
        self.run_sql(
            "CREATE TEMPORARY TABLE moved AS SELECT customer_id, "
            f"{last} + ROW_NUMBER() OVER (ORDER BY customer_id) AS revision FROM ("
            "SELECT h.customer_id FROM sharing h "
            "JOIN predictions p ON p.customer_id = h.customer_id AND NOT p.deleted "
            f"WHERE h.withheld <> {now}) g"
        )
        moved = self.run_sql(
            f"UPDATE predictions SET {REMEMBER}, shared = NOT shared, "
            "revision = (SELECT m.revision FROM moved m "
            "WHERE m.customer_id = predictions.customer_id) "
            "WHERE customer_id IN (SELECT customer_id FROM moved)"
        )
        self.run_sql(f"UPDATE installation SET last_revision = last_revision + {moved}")


def record_word(connection: Connection, word: Word, source: str, now: dt.datetime) -> None:
    """Store what a customer said, as a fact of a batch of its own; saying it twice is harmless.

    Raises:
        Conflict: they said the opposite at the same moment.
    """
    take_feed(connection)
    said = connection.scalar(
        select(Consent.granted).where(
            Consent.customer_id == word.customer_id,
            Consent.purpose == word.purpose,
            Consent.channel == word.channel,
            Consent.recorded_at == word.recorded_at,
        )
    )
    if said is not None:
        if said != word.granted:
            raise Conflict("recordedAt: the customer said the opposite at this very moment.")
        return
    before = _shared(connection, word.customer_id)
    batch = begin_batch(connection, "consents", source, now)
    connection.execute(insert(Consent).values(batch_id=batch, **vars(word)))
    if _shared(connection, word.customer_id) != before:
        _move(connection, word.customer_id)


def _shared(connection: Connection, customer: int) -> bool:
    return bool(connection.scalar(select(may_be_shared(literal(customer)))))


def _move(connection: Connection, customer: int) -> None:
    """Give the customer's score the feed's next revision."""
    last = select(Installation.last_revision + 1).scalar_subquery()
    moved = connection.execute(
        text(
            f"UPDATE predictions SET {REMEMBER}, shared = NOT shared, revision = "
            "(SELECT last_revision + 1 FROM installation) WHERE customer_id = :customer "
            "AND NOT deleted"
        ),
        {"customer": customer},
    )
    if moved.rowcount:
        connection.execute(update(Installation).values(last_revision=last))


async def consents_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Sequence[Record]]:
    """The latest word of each customer for each purpose and channel, with where it came from."""
    place = func.row_number().over(
        partition_by=(Consent.customer_id, Consent.purpose, Consent.channel),
        order_by=Consent.recorded_at.desc(),
    )
    latest = (
        select(Consent.__table__, place.label("place"))
        .where(Consent.customer_id.in_(ids))
        .subquery("latest")
    )
    statement = (
        select(latest, ImportBatch.source)
        .join(ImportBatch, ImportBatch.id == latest.c.batch_id)
        .where(latest.c.place == 1)
        .order_by(latest.c.customer_id, latest.c.purpose, latest.c.channel)
    )
    return grouped(await snapshot.rows(statement))
