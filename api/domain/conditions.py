"""One comparison of a rule: a field, an operator, a value; how it is read, and what it selects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from api.domain.fields import Field, nearest, shown
from api.errors import InvalidInput

Operator = Literal["eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "is_null"]
Scalar = int | float | str | bool | dt.date
Columns = Mapping[str, npt.NDArray[Any]]
Mask = npt.NDArray[np.bool_]

_EQUALITY: tuple[Operator, ...] = ("eq", "ne", "in", "is_null")
_ORDERED: tuple[Operator, ...] = (*_EQUALITY, "gt", "gte", "lt", "lte")
OPERATORS: Mapping[str, tuple[Operator, ...]] = {
    "number": _ORDERED,
    "money": _ORDERED,
    "date": _ORDERED,
    "text": (*_EQUALITY, "contains"),
    "choice": _EQUALITY,
    "boolean": ("eq", "ne", "is_null"),
}
LARGEST_WHOLE = 2**53 - 1
"""Up to here a threshold compares alike with int64 and with float64 columns of whole numbers."""
LONGEST_LIST = 500
LONGEST_TEXT = 400
FEW_VALUES = 12
FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2200, 12, 31)


def operators_of(field: Field) -> tuple[Operator, ...]:
    return ("eq", "in") if field.many else OPERATORS[field.type]


@dataclass(frozen=True)
class Condition:
    """A field compared with a value; money in minor units, a tuple for `in`."""

    field: Field
    op: Operator
    value: Scalar | tuple[Scalar, ...]
    exponent: int
    """Of the base currency: documents hold money in major units."""

    @property
    def values(self) -> tuple[Scalar, ...]:
        return self.value if isinstance(self.value, tuple) else (self.value,)

    @property
    def threshold(self) -> float:
        """The value of a comparison with a number; money in minor units.

        Raises:
            TypeError: it is none.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise TypeError(
                f"{self.field.name} is compared with {self.value!r}, which is no number"
            )
        return self.value

    def mask(self, columns: Columns) -> Mask:
        if self.field.many:
            masks = [column_of(f"{self.field.name}.{key}", columns) for key in self.values]
            return np.asarray(np.logical_or.reduce(masks), dtype=bool)
        column = column_of(self.field.name, columns)
        if self.op == "is_null":
            missing = is_missing(column)
            return missing if self.value else ~missing
        if self.op == "in":
            return _is_in(column, self.values)
        if self.op == "contains":
            text = str(self.value)
            found = (each is not None and text in each for each in column.tolist())
            return np.fromiter(found, bool, len(column))
        return _compare(column, self.op, self.values[0])

    def conditions(self) -> Iterator[Condition]:
        yield self

    def to_document(self) -> dict[str, Any]:
        values = [self._to_document(each) for each in self.values]
        value = values if isinstance(self.value, tuple) else values[0]
        return {"field": self.field.name, "op": self.op, "value": value}

    def _to_document(self, value: Scalar) -> Any:
        if isinstance(value, dt.date):
            return value.isoformat()
        if self.field.type == "money" and self.op != "is_null":
            return f"{Decimal(cast(int, value)).scaleb(-self.exponent):f}"
        return value


def column_of(name: str, columns: Columns) -> npt.NDArray[Any]:
    """A column by name.

    Raises:
        InvalidInput: the caller gave no such column.
    """
    if name not in columns:
        raise InvalidInput(f"The rule reads {name!r}, which is not among the columns given.")
    return np.asarray(columns[name])


def is_missing(column: npt.NDArray[Any]) -> Mask:
    """Where a column has no value: NaN, NaT or None."""
    match column.dtype.kind:
        case "f":
            missing: Any = np.isnan(column)
        case "M":
            missing = np.isnat(column)
        case "O":
            missing = column == None  # noqa: E711  (element by element)
        case _:
            missing = np.zeros(len(column))
    return np.asarray(missing, dtype=bool)


def _is_in(column: npt.NDArray[Any], values: tuple[Scalar, ...]) -> Mask:
    if column.dtype.kind == "O":
        if len(values) <= FEW_VALUES:  # comparing with each is then quicker than looking up
            return np.asarray(np.logical_or.reduce([column == each for each in values]), dtype=bool)
        wanted = set(values)
        return np.fromiter((each in wanted for each in column.tolist()), bool, len(column))
    if column.dtype.kind == "M":
        return np.isin(column, np.array(values, dtype="datetime64[D]"))
    return np.isin(column, np.array(values))


def _compare(column: npt.NDArray[Any], op: Operator, value: Scalar) -> Mask:
    other: Any = np.datetime64(value, "D") if isinstance(value, dt.date) else value
    match op:
        case "eq":
            result = column == other
        case "ne":
            result = (column != other) & ~is_missing(column)
        case "gt":
            result = column > other
        case "gte":
            result = column >= other
        case "lt":
            result = column < other
        case _:
            result = column <= other
    return np.asarray(result, dtype=bool)


def parse_condition(field: Field, op: object, value: object, exponent: int, path: str) -> Condition:
    """Check an operator and a value against the field's type.

    Raises:
        InvalidInput: names the path, the field and what would do.
    """
    allowed = operators_of(field)
    operator = next((each for each in allowed if each == op), None)
    if operator is None:
        hint = nearest(op, allowed)
        raise InvalidInput(f"{path}: {field.name} has no operator {shown(op)}{hint}.")
    if operator == "is_null":
        if not isinstance(value, bool):
            raise InvalidInput(f"{path}: is_null of {field.name} takes true or false.")
        return Condition(field, operator, value, exponent)
    if operator != "in":
        return Condition(field, operator, _value(field, value, exponent, path), exponent)
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= LONGEST_LIST:
        raise InvalidInput(
            f"{path}: `in` of {field.name} takes a list of 1 to {LONGEST_LIST} values."
        )
    parsed = (_value(field, each, exponent, f"{path}[{place}]") for place, each in enumerate(value))
    return Condition(field, operator, tuple(dict.fromkeys(parsed)), exponent)


def _value(field: Field, value: object, exponent: int, path: str) -> Scalar:
    match field.type:
        case "number":
            return _number(field, value, path)
        case "money":
            return money_to_minor(value, exponent, f"{path}: {field.name}")
        case "date":
            return _date(field, value, path)
        case "boolean":
            if isinstance(value, bool):
                return value
            raise InvalidInput(f"{path}: {field.name} takes true or false, not {shown(value)}.")
        case "choice":
            return _choice(field, value, path)
    return _text(field, value, path)


def _number(field: Field, value: object, path: str) -> Scalar:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise InvalidInput(f"{path}: {field.name} takes a number, not {shown(value)}.")
    number = value if isinstance(value, int) else float(value)
    # Written so that NaN and infinity fail it too.
    fits = -LARGEST_WHOLE <= number <= LARGEST_WHOLE
    if not fits or (field.whole and number != int(number)):
        kind = "whole number" if field.whole else "number"
        raise InvalidInput(
            f"{path}: {field.name} takes a {kind} up to {LARGEST_WHOLE}, not {shown(value)}."
        )
    number = int(number) if field.whole else float(number)
    low, high = field.lowest, field.highest
    if (low is not None and number < low) or (high is not None and number > high):
        limits = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
        raise InvalidInput(f"{path}: {field.name} is {limits}, not {number:g}.")
    return number


def money_to_minor(value: object, exponent: int, what: str) -> int:
    """An amount in major units (a number, or a decimal as text) in minor units, exactly.

    Raises:
        InvalidInput: it is no amount, has more decimals than the currency, or is too large.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise InvalidInput(f"{what} takes an amount, not {shown(value)}.")
    try:
        # The shortest text of a float is what its author wrote: 0.1 is meant as exactly 0.1.
        amount = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise InvalidInput(f"{what} takes an amount, not {shown(value)}.") from None
    if not amount.is_finite() or abs(amount) > Decimal(LARGEST_WHOLE).scaleb(-exponent):
        raise InvalidInput(f"{what}: {shown(value)} is too large for an amount.")
    minor = amount.scaleb(exponent)
    if minor != minor.to_integral_value():
        raise InvalidInput(f"{what}: {shown(value)} has more than {exponent} decimals.")
    return int(minor)


def _date(field: Field, value: object, path: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if not isinstance(day, dt.date) or isinstance(day, dt.datetime):
        raise InvalidInput(
            f"{path}: {field.name} takes a day such as 2026-01-31, not {shown(value)}."
        )
    if not FIRST_DAY <= day <= LAST_DAY:
        raise InvalidInput(f"{path}: {field.name} is between {FIRST_DAY} and {LAST_DAY}.")
    return day


def _choice(field: Field, value: object, path: str) -> str:
    known = [each.value for each in field.choices]
    if known and value not in known:
        raise InvalidInput(f"{path}: {field.name} is never {shown(value)}{nearest(value, known)}.")
    return _text(field, value, path)


def _text(field: Field, value: object, path: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TEXT:
        raise InvalidInput(f"{path}: {field.name} takes a text of 1 to {LONGEST_TEXT} characters.")
    # Neither database can hold these, so a rule that asks for them is a mistake.
    if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
        raise InvalidInput(f"{path}: {field.name} takes text without NUL or half characters.")
    return value
