"""Every class of a customer: its value, since when, why, and whether people set it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import strawberry

from api.db.class_evidence import ClassReader
from api.db.snapshots import Record
from api.domain.classes import OWN_COLUMNS, parse_classifications
from api.domain.fields import known_fields
from api.graphql.access import CUSTOMERS
from api.graphql.context import Context
from api.graphql.described import field, loaded
from api.graphql.language import LanguageChoice
from api.graphql.loaders import known
from api.graphql.reasons import Reason, reasons
from api.graphql.sensitivity import hides_class, note_class
from api.graphql.strategies import bilingual


def _evidence(each: CustomerClass) -> Awaitable[Any]:
    key = (each.customer, class_reader(each.context))
    return each.context.loaders.class_evidence.load(key)


def _load_moves(each: CustomerClass) -> Awaitable[Any]:
    return each.context.loaders.class_history.load((each.customer, each.key))


@strawberry.type(description="What one classification says of a customer.", directives=[CUSTOMERS])
class CustomerClass:
    key: str = strawberry.field(description="Key of the classification.")
    value: str | None = strawberry.field(
        description="Key of the value; none where what it depends on is not known."
    )
    since: dt.date = strawberry.field(
        description="The first day it was seen with this value, or without one."
    )
    by_hand: bool = strawberry.field(description="Whether people set it.")
    customer: strawberry.Private[int]
    set_by: strawberry.Private[Sequence[dict[str, Any]]]
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Name of the classification for people.")
    def name(self, language: LanguageChoice = None) -> str:
        return bilingual(self.row.document["name"], language, self.context)

    @field("The value for people.")
    def label(self, language: LanguageChoice = None) -> str | None:
        return value_label(self.row.document, self.value, language, self.context)

    @loaded("Its moves since classes are kept: the latest 20, newest first.", _load_moves)
    def history(self) -> list[ClassMove]:
        rows = known(self.context.loaders.class_history, (self.customer, self.key)) or ()
        return [
            ClassMove(previous=row.previous, current=row.current, changed_on=row.changed_on)
            for row in rows
        ]

    @loaded("Why; of a class set by hand also until when, and what its rules would say.", _evidence)
    def reasons(self) -> list[Reason]:
        key = (self.customer, class_reader(self.context))
        found = known(self.context.loaders.class_evidence, key) or {}
        return reasons([*self.set_by, *found.get(self.key, ())], self.context)


@strawberry.type(description="A customer's move from one class to another.", directives=[CUSTOMERS])
class ClassMove:
    previous: str | None = strawberry.field(description="The value before; none: had none.")
    current: str | None = strawberry.field(description="The value since then; none: has none.")
    changed_on: dt.date = strawberry.field(description="The first day with the new value.")


def value_label(
    document: Mapping[str, Any], value: str | None, language: LanguageChoice, context: Context
) -> str | None:
    """The name of a value; one that is no more stands for itself."""
    for each in document["values"]:
        if each["key"] == value:
            return bilingual(each["name"], language, context)
    return value


def class_reader(context: Context) -> ClassReader:
    """How to say why, made once a request from the classifications that were read."""
    loaders = context.loaders
    if loaders.class_reader is None:
        rows = {row.key: row for row in loaders.classifications.known()}
        fields = context.business.fields
        plain = known_fields(each for name, each in fields.items() if not each.class_key)
        parsed = parse_classifications(
            [row.document for row in rows.values()], plain, context.exponent
        )
        loaders.class_reader = ClassReader(
            parsed,
            {key: row.cutoffs for key, row in rows.items() if row.cutoffs is not None},
            {each.key: each.field for each in parsed},
            context.zone,
        )
    return loaders.class_reader


def load_classes(customer: int, context: Context) -> Awaitable[Any]:
    loaders = context.loaders
    return asyncio.gather(
        loaders.classifications.all(),
        loaders.class_changes_of.load(customer),
        loaders.overrides.load(customer),
        loaders.statuses.load(customer),
    )


def customer_classes(profile: Record, context: Context) -> list[CustomerClass]:
    """By key; what rests on sensitive attributes is only for who may read those."""
    customer, loaders = profile.customer_id, context.loaders
    changed = known(loaders.class_changes_of, customer) or {}
    overrides = known(loaders.overrides, customer) or ()
    statuses = known(loaders.statuses, customer) or ()
    found = []
    for row in loaders.classifications.known():
        if row.began_on is None or hides_class(row.key, context):
            continue
        note_class(row.key, context, (customer,))
        value = class_value(profile, row.key)
        first = max(profile.profiled_on or profile.lifecycle_since, row.began_on)
        since = max(changed.get(row.key, first), first)
        if row.key == "lifecycle_stage":
            since = profile.lifecycle_since
        set_by = _set_by(row.key, value, profile.as_of, overrides, statuses)
        found.append(
            CustomerClass(
                key=row.key,
                value=value,
                since=since,
                by_hand=bool(set_by),
                customer=customer,
                set_by=set_by,
                row=row,
                context=context,
            )
        )
    return found


def class_value(profile: Record, key: str) -> str | None:
    if key in OWN_COLUMNS:
        value: str | None = profile._mapping[key]
        return value
    return (profile.classes or {}).get(key)


def _set_by(
    key: str,
    value: str | None,
    as_of: dt.date,
    overrides: Sequence[Record],
    statuses: Sequence[Record],
) -> list[dict[str, Any]]:
    """The reasons that people gave, if the published value is the one they set."""
    for row in overrides:
        ended = row.ended_on is not None and row.ended_on <= as_of
        meant = row.kind == "class" and row.classification == key and row.value == value
        if meant and not ended and row.starts_on <= as_of <= row.expires_on:
            params = {"until": row.expires_on.isoformat(), "note": row.reason}
            return [{"code": "class.set_by_hand", "params": params}]
    latest = next(
        (row for row in statuses if row.classification == key and row.since <= as_of), None
    )
    if latest is not None and latest.status == value:
        return [{"code": "class.status_set", "params": {"since": latest.since.isoformat()}}]
    return []
