"""From what is asked for to the job that a process works on; the same for addresses and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from api.db.feed import FeedPosition
from api.db.rules import rule_to_sql
from api.db.score_rows import export_statements
from api.domain.feed_cursors import FeedCursors
from api.domain.fields import Field
from api.exports.asked import Asked
from api.exports.job import Job
from api.graphql.score_feed import feed_name


@dataclass(frozen=True)
class Reader:
    """Who reads from which database: how money is written there, and where parts are kept."""

    dialect: str
    fields: Mapping[str, Field]
    exponent: int
    cursors: FeedCursors
    parts: str = ""


def job_of(asked: Asked, kind: str, reader: Reader, *, coding: str = "", head: bool = False) -> Job:
    """What is to be made.

    Raises:
        InvalidCursor: `after` is none of this feed with this filter.
    """
    rule = asked.rule(reader.fields, reader.exponent)
    listing = feed_name(rule)
    position = None
    if asked.after is not None:
        position = FeedPosition(*reader.cursors.decode(listing, asked.after))
    where = rule_to_sql(rule)
    statements = export_statements(
        reader.dialect, where, position, everything=asked.filters_nothing
    )
    return Job(
        format=kind,
        listing=listing,
        rows_sql=statements.rows,
        count_sql=statements.count,
        read=position.revision if position else -1,
        known=position.known if position else -1,
        exponent=reader.exponent,
        coding=coding,
        head=head,
        parts=reader.parts if asked.filters_nothing and position is None else "",
    )
