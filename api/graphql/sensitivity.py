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
    if context.caller.may("pii:read"):
        return False
    found = context.business.fields.get(name)
    return name.startswith(OF_THE_BUSINESS) if found is None else found.sensitive


def hides_class(key: str, context: Context) -> bool:
    """Whether a classification is kept from the caller."""
    return key not in OWN_COLUMNS and hides(f"class.{key}", context)


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
