"""Tiers by two measures at once, such as predicted value by churn risk: a table of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from api.domain.conditions import Condition, parse_condition
from api.domain.documents import entries, key_of, require_unique
from api.domain.fields import Field, nearest, shown
from api.domain.rules import AllOf, AnyOf, Rule
from api.errors import InvalidInput

if TYPE_CHECKING:
    from api.domain.policies.document import Tier

MOST_BANDS = 10


class FieldReader(Protocol):
    @property
    def exponent(self) -> int: ...

    def field(self, name: object, path: str) -> Field: ...


@dataclass(frozen=True)
class Band:
    key: str
    rule: Rule


def matrix_rules(
    parts: Mapping[str, Any], tiers: Sequence[Tier], reader: FieldReader, path: str
) -> list[tuple[Tier, Rule]]:
    """By tier, who lies in one of its cells. Every cell must have a tier, every tier a cell."""
    rows = _axis(parts["rows"], reader, f"{path}rows")
    columns = _axis(parts["columns"], reader, f"{path}columns")
    cells = entries(parts["cells"], f"{path}cells", [row.key for row in rows])
    known = {tier.key: tier for tier in tiers}
    inside: dict[str, list[Rule]] = {key: [] for key in known}
    for row in rows:
        inner = f"{path}cells.{row.key}"
        line = entries(cells[row.key], inner, [column.key for column in columns])
        for column in columns:
            key = line[column.key]
            if key not in known:
                raise InvalidInput(
                    f"{inner}.{column.key}: there is no tier {shown(key)}{nearest(key, known)}."
                )
            inside[key].append(AllOf((row.rule, column.rule)))
    for key, rules in inside.items():
        if not rules:
            raise InvalidInput(f"{path}cells: no cell leads to the tier {key!r}.")
    return [(tier, AnyOf(tuple(inside[tier.key]))) for tier in tiers]


def _axis(content: object, reader: FieldReader, path: str) -> list[Band]:
    parts = entries(content, path, ("measure", "bands"))
    measure = reader.field(parts["measure"], f"{path}.measure")
    if measure.type not in ("number", "money") or measure.many:
        raise InvalidInput(f"{path}.measure: {measure.name} is no number.")
    listed = parts["bands"]
    if not isinstance(listed, list) or not 2 <= len(listed) <= MOST_BANDS:
        raise InvalidInput(f"{path}.bands: takes a list of 2 to {MOST_BANDS} bands, highest first.")
    bands: list[Band] = []
    upper: Condition | None = None
    for place, each in enumerate(listed):
        inner = f"{path}.bands[{place}]"
        last = place + 1 == len(listed)
        entry = entries(each, inner, ("key",) if last else ("key", "at_least"), ("below",))
        upper_end = _upper_end(measure, upper, entry, reader, inner)
        reached = None
        if not last:
            reached = parse_condition(
                measure, "gte", entry["at_least"], reader.exponent, f"{inner}.at_least"
            )
            if upper is not None and reached.threshold >= upper.threshold:
                raise InvalidInput(
                    f"{inner}.at_least: bands stand from highest to lowest, so this must be "
                    f"below the one before; {shown(entry['at_least'])} is not."
                )
        conditions = [each for each in (reached, upper_end) if each is not None]
        bands.append(Band(key_of(entry, inner), AllOf(tuple(conditions))))
        upper = reached
    require_unique([band.key for band in bands], f"{path}.bands")
    return bands


def _upper_end(
    measure: Field,
    upper: Condition | None,
    entry: Mapping[str, Any],
    reader: FieldReader,
    path: str,
) -> Condition | None:
    """A band ends where the better one begins; if it says so itself, it must be right."""
    end = None if upper is None else Condition(measure, "lt", upper.value, upper.exponent)
    if "below" in entry:
        said = parse_condition(measure, "lt", entry["below"], reader.exponent, f"{path}.below")
        if end is None:
            raise InvalidInput(f"{path}.below: the highest band has no upper end.")
        if said != end:
            fault = "a gap" if said.threshold < end.threshold else "an overlap"
            raise InvalidInput(
                f"{path}.below: leaves {fault} to the band above, which begins where this ends."
            )
    return end
