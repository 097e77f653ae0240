"""What follows from sensitive attributes is seen and written with `pii:read` only."""

from __future__ import annotations

from collections.abc import Iterable

from api.domain.classes import OWN_COLUMNS
from api.domain.conditions import Condition
from api.domain.fields import Field
from api.domain.sensitivity import rests_on_sensitive
from api.errors import Forbidden
from api.graphql.context import Context

OF_THE_BUSINESS = ("attribute.", "class.")


def hides(name: str, context: Context) -> bool:
    """Whether a field's values are kept from the caller; those of one that is no more are."""
    found = context.business.fields.get(name)
    guarded = name.startswith(OF_THE_BUSINESS) if found is None else found.sensitive
    if guarded and context.caller.may("pii:read"):
        context.personal.note(name)
        return False
    return guarded


def hides_class(key: str, context: Context) -> bool:
    """Whether a classification is kept from the caller; what it says of customers is not read."""
    if key in OWN_COLUMNS or context.caller.may("pii:read"):
        return False
    return hides(f"class.{key}", context)


def note_class(key: str, context: Context, customers: Iterable[int]) -> None:
    """Record that customers' values of a classification are read, where that is guarded."""
    found = context.business.fields.get(f"class.{key}")
    if key not in OWN_COLUMNS and (found is None or found.sensitive):
        context.personal.note(f"class.{key}", customers)


def note_conditions(conditions: Iterable[Condition], context: Context, path: str) -> None:
    """Record which guarded fields customers are told apart by."""
    found = list(conditions)
    for each in found:
        if each.field.sensitive:
            context.personal.note(f"{path}: {each.field.name}")
    if rests_on_sensitive(found, context.business.personal_segments):
        context.personal.note(f"{path}: segment")


def require_fields(fields: Iterable[Field], context: Context, path: str) -> None:
    """Raises:
    Forbidden: one of the fields is kept from the caller.
    """
    for each in fields:
        if each.sensitive and not context.caller.may("pii:read"):
            raise Forbidden(f"{path}: {each.name} is sensitive, and needs the scope pii:read.")


def require_conditions(conditions: Iterable[Condition], context: Context, path: str) -> None:
    """Raises:
    Forbidden: a condition reads what is kept from the caller, by itself or through a segment.
    """
    if context.caller.may("pii:read"):
        return
    found = list(conditions)
    require_fields((each.field for each in found), context, path)
    if rests_on_sensitive(found, context.hidden_segments):
        raise Forbidden(
            f"{path}: a segment it names rests on sensitive data, and needs the scope pii:read."
        )
