"""What the policy page is made from: a version of a policy, classes in force, active strategies."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from api.db.classes import in_force
from api.db.known_fields import known_fields_in
from api.db.models import Classification, Strategy
from api.db.segments import all_segments
from api.db.snapshots import Record, Snapshot
from api.db.tiers import policies
from api.domain.classes import parse_classifications
from api.domain.documents import Bilingual
from api.domain.fields import known_fields
from api.domain.policy_page import Sources, Version
from api.domain.strategies.documents import parse_strategies
from api.domain.tiers import parse_policy
from api.errors import NotFound


async def read_sources(
    snapshot: Snapshot, exponent: int, key: str | None = None, version: int | None = None
) -> Sources:
    """The version asked for; without one, the one in force (of this policy, its latest).

    Raises:
        NotFound: there is no such version.
    """
    rows = await policies(snapshot)
    row = _chosen(rows, key, version)
    fields = await known_fields_in(snapshot, exponent)
    table = Classification.__table__.c
    classes = await snapshot.rows(
        select(table.key, table.document, table.cutoffs)
        .where(in_force(None))
        .order_by(table.key, table.version)
    )
    documents = {each.key: each.document for each in classes}
    cutoffs = {each.key: each.cutoffs for each in classes}
    plain = known_fields(each for name, each in fields.items() if not each.class_key)
    parsed = parse_classifications(list(documents.values()), plain, exponent)
    strategies = await snapshot.rows(
        select(Strategy.document).where(Strategy.active).order_by(Strategy.key)
    )
    return Sources(
        parse_policy(row.document, exponent, fields).document,
        row.document,
        _version(row),
        [_version(each) for each in rows if each.key == row.key],
        [(each, cutoffs[each.key]) for each in parsed],
        parse_strategies([each.document for each in strategies], exponent, fields),
        {each.key: Bilingual(each.name_en, each.name_zh) for each in await all_segments(snapshot)},
    )


def _chosen(rows: Sequence[Record], key: str | None, version: int | None) -> Record:
    """Rows come by key, newest version first."""
    for row in rows:
        of_key = row.active if key is None else row.key == key
        if of_key and version in (None, row.version):
            return row
    known = ", ".join(f"{row.key} {row.version}" for row in rows)
    raise NotFound(f"There is no such version of a policy. There are: {known or 'none'}.")


def _version(row: Record) -> Version:
    return Version(
        row.version,
        row.state,
        row.effective_from,
        row.effective_to,
        row.activated_by,
        row.activated_at,
        row.reason,
        row.restores_version,
    )
