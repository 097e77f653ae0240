"""Comparisons that filters are made of, and how they become conditions of the one rule tree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

import strawberry
from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from api.domain.conditions import Condition, parse_condition
from api.domain.fields import Field, find_field
from api.errors import InvalidInput
from api.graphql.described import option

Choice = TypeVar("Choice")


@strawberry.input(
    description="Compares a number, or an amount in the base currency; all given must hold."
)
class NumberComparison:
    eq: float | None = option("Equal.")
    ne: float | None = option("Known and different.")
    in_: list[float] | None = option("One of these.", "in")
    gt: float | None = option("Greater.")
    gte: float | None = option("Greater or equal.")
    lt: float | None = option("Less.")
    lte: float | None = option("Less or equal.")
    is_null: bool | None = option("Unknown (true) or known (false).")


@strawberry.input(description="Compares a day; all that is given must hold.")
class DateComparison:
    eq: dt.date | None = option("That day.")
    ne: dt.date | None = option("Known and another day.")
    in_: list[dt.date] | None = option("One of these days.", "in")
    gt: dt.date | None = option("After.")
    gte: dt.date | None = option("That day or after.")
    lt: dt.date | None = option("Before.")
    lte: dt.date | None = option("That day or before.")
    is_null: bool | None = option("Unknown (true) or known (false).")


@strawberry.input(description="Compares a text, case-sensitive; all that is given must hold.")
class TextComparison:
    eq: str | None = option("Equal.")
    ne: str | None = option("Known and different.")
    in_: list[str] | None = option("One of these.", "in")
    contains: str | None = option("Holds this text.")
    is_null: bool | None = option("Unknown (true) or known (false).")


@strawberry.input(description="Compares a value with the known ones; all that is given must hold.")
class Comparison(Generic[Choice]):
    eq: Choice | None = option("Equal.")
    ne: Choice | None = option("Known and different.")
    in_: list[Choice] | None = option("One of these.", "in")
    is_null: bool | None = option("Unknown (true) or known (false).")


@strawberry.input(description="Compares a key; all that is given must hold.")
class KeyComparison:
    eq: str | None = option("Equal.")
    ne: str | None = option("Known and different.")
    in_: list[str] | None = option("One of these.", "in")
    is_null: bool | None = option("Has none (true) or has one (false).")


@strawberry.input(description="Asks for members of segments.")
class MembershipComparison:
    eq: str | None = option("In the segment with this key.")
    in_: list[str] | None = option("In at least one of these.", "in")


@strawberry.input(description="Compares a custom attribute; all that is given must hold.")
class AttributeComparison:
    name: str = strawberry.field(description="Name of the attribute.")
    number: NumberComparison | None = option("For an attribute that is a number.")
    text: TextComparison | None = option("For an attribute that is a text.")
    date: DateComparison | None = option("For an attribute that is a date.")
    boolean: bool | None = option("For an attribute that is true or false.")


def conditions(
    name: str, comparison: object, path: str, fields: Mapping[str, Field], exponent: int
) -> Iterator[Condition]:
    """The comparison as conditions on a field, all of which must hold.

    Raises:
        InvalidInput: there is no such field, it can't be compared so, or an operator was given
            null, which could mean two things.
    """
    field = find_field(name, fields, path)
    for operator, value in given(comparison, path):
        place = f"{path}.{spelled(operator)}"
        op = operator.rstrip("_")
        yield parse_condition(field, op, _plain(value), exponent, place)


def given(comparison: object, path: str) -> Iterator[tuple[str, Any]]:
    """What an input says, by its Python names."""
    for name, value in vars(comparison).items():
        if value is None:
            raise InvalidInput(
                f"{path}.{spelled(name)} is null: leave it out, or ask for `isNull` if that is "
                "meant."
            )
        if value is not UNSET:
            yield name, value


def spelled(name: str) -> str:
    """A Python name as the schema spells it."""
    return to_camel_case(name.rstrip("_"))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value
