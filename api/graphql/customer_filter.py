"""Which customers are meant: the filter input, and how it becomes a condition of the database.

Fields of the catalogue go through the rule tree that segments and policies use; what is stored
encrypted is looked up by keyed hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true

from api.db.customers import named, reached_by
from api.db.rules import rule_to_sql
from api.domain.conditions import Condition, parse_condition
from api.domain.contact_points import normalise_email, normalise_phone
from api.domain.fields import OWNER, Field, find_field
from api.domain.personal_data import PersonalDataCipher
from api.domain.rules import AllOf, Rule, parse_rule
from api.errors import Forbidden, InvalidInput
from api.graphql.classes import AbcClass, CustomerKind, LifecycleStage, RfmGroup
from api.graphql.comparisons import (
    AttributeComparison,
    Comparison,
    DateComparison,
    KeyComparison,
    MembershipComparison,
    NumberComparison,
    TextComparison,
    conditions,
    given,
    spelled,
)
from api.graphql.context import Context
from api.graphql.described import option
from api.graphql.list_filter import MOST_CONDITIONS, MOST_VALUES, check_size
from api.graphql.scores import RiskBand
from api.graphql.sensitivity import note_conditions, require_conditions, require_fields

LONGEST_LOOKUP = 200
Where = ColumnElement[bool]

FIELDS: Mapping[str, str] = MappingProxyType({"known_since": "known_at"})
"""Filters whose field of the catalogue has another name; all others have the same."""
BESIDE_RULES: Mapping[str, Field] = MappingProxyType({OWNER.name: OWNER})
"""Fields that filters know and rules don't."""


@strawberry.input(description="Which customers are meant; all that is given must hold.")
class CustomerFilter:
    and_: list[CustomerFilter] | None = option("All of these hold.", "and")
    or_: list[CustomerFilter] | None = option("At least one of these holds.", "or")
    not_: CustomerFilter | None = option("This does not hold.", "not")
    external_id: TextComparison | None = option("By the business's own number.")
    kind: Comparison[CustomerKind] | None = option("By kind.")
    known_since: DateComparison | None = option("By the first day they were known.")
    industry: TextComparison | None = option("By industry.")
    region: TextComparison | None = option("By region.")
    owner: TextComparison | None = option("By who looks after them.")
    tier: KeyComparison | None = option("By the key of the present tier.")
    segment: MembershipComparison | None = option("By present segments.")
    risk_band: Comparison[RiskBand] | None = option("By churn risk in words.")
    churn_probability: NumberComparison | None = option("By churn probability, 0 to 1.")
    churn_percentile: NumberComparison | None = option("By churn percentile, 0 to 100.")
    clv: NumberComparison | None = option("By predicted lifetime value.")
    recency_days: NumberComparison | None = option("By days since the last order.")
    order_count: NumberComparison | None = option("By number of orders.")
    net_spend: NumberComparison | None = option("By spend so far.")
    lifecycle_stage: Comparison[LifecycleStage] | None = option("By lifecycle stage.")
    rfm_group: Comparison[RfmGroup] | None = option("By RFM group.")
    abc_class: Comparison[AbcClass] | None = option("By ABC class.")
    attribute: AttributeComparison | None = option(
        "By a custom attribute; a sensitive one needs pii:read."
    )
    name: str | None = option("All these words are in the name; needs pii:read.")
    email: str | None = option("Exactly this e-mail address; needs pii:read.")
    phone: str | None = option("Exactly this phone number, with country code; needs pii:read.")


@dataclass
class FilterCompiler:
    """Compiles one filter; counts on the way what it is made of."""

    context: Context
    filters: int = 0
    conditions: int = 0
    values: int = 0

    def compile(self, each: CustomerFilter, path: str = "filter", depth: int = 1) -> Where:
        self.filters += 1
        check_size(self.filters, depth)
        parts = [
            self._part(name, value, f"{path}.{spelled(name)}", depth)
            for name, value in given(each, path)
        ]
        return and_(true(), *parts)

    def _part(self, name: str, value: Any, path: str, depth: int) -> Where:
        if name in ("and_", "or_"):
            parts = [
                self.compile(each, f"{path}[{place}]", depth + 1)
                for place, each in enumerate(value)
            ]
            return and_(true(), *parts) if name == "and_" else or_(false(), *parts)
        if name == "not_":
            # Unknown is not true, so its opposite is: SQL alone would leave it unknown.
            return not_(func.coalesce(self.compile(value, path, depth + 1), false()))
        if name in LOOKUPS:
            self._count(1, 1)
            return self._lookup(name, value)
        if name == "attribute":
            return self._rule(self._attribute(value, path))
        read = list(self._conditions(FIELDS.get(name, name), value, path))
        require_conditions(read, self.context, path)
        note_conditions(read, self.context, path)
        return self._rule(iter(read))

    def _conditions(self, field: str, comparison: object, path: str) -> Iterator[Condition]:
        fields = BESIDE_RULES if field in BESIDE_RULES else self.context.business.fields
        return conditions(field, comparison, path, fields, self.context.exponent)

    def _attribute(self, comparison: AttributeComparison, path: str) -> Iterator[Condition]:
        field = f"attribute.{comparison.name}"
        fields = self.context.business.fields
        attributes = {each.name: each for each in fields.values() if each.attribute}
        require_fields([find_field(field, attributes, path)], self.context, path)
        found = attributes[field]
        if found.sensitive:
            self.context.personal.note(f"{path}: {field}")
        for name, value in given(comparison, path):
            if name == "boolean":
                yield parse_condition(found, "eq", value, self.context.exponent, f"{path}.boolean")
            elif name != "name":
                yield from self._conditions(field, value, f"{path}.{name}")

    def rule(self, document: object, path: str = "rule") -> Where:
        """A document of the rule tree, as segments and policies use it."""
        fields = self.context.business.fields
        parsed = parse_rule(document, fields, self.context.exponent, path)
        require_conditions(parsed.conditions(), self.context, path)
        note_conditions(parsed.conditions(), self.context, path)
        return self._compiled(parsed)

    def _count(self, conditions: int, values: int) -> None:
        self.conditions += conditions
        self.values += values
        if self.conditions > MOST_CONDITIONS:
            raise InvalidInput(f"A filter may have {MOST_CONDITIONS} conditions.")
        if self.values > MOST_VALUES:
            raise InvalidInput(f"A filter may name {MOST_VALUES:,} values.")

    def _rule(self, parts: Iterator[Condition]) -> Where:
        return self._compiled(AllOf(tuple(parts)))

    def _compiled(self, rule: Rule) -> Where:
        conditions = list(rule.conditions())
        self._count(len(conditions), sum(len(each.values) for each in conditions))
        return rule_to_sql(rule, self.context.business.installation.time_zone)

    def _lookup(self, name: str, value: str) -> Where:
        if not self.context.caller.may("pii:read"):
            raise Forbidden(f"The filter {name} needs a key with the scope pii:read.")
        if not 1 <= len(value) <= LONGEST_LOOKUP:
            raise InvalidInput(f"filter.{name} takes 1 to {LONGEST_LOOKUP} characters.")
        self.context.personal.note(f"filter: {name}")
        return LOOKUPS[name](value, self.context.cipher)


def _by_name(value: str, cipher: PersonalDataCipher) -> Where:
    words = cipher.name_lookups(value)
    return and_(true(), *map(named, words)) if words else false()


def _by_email(value: str, cipher: PersonalDataCipher) -> Where:
    address = normalise_email(value)
    if address is None:
        raise InvalidInput("filter.email takes an e-mail address.")
    return reached_by("email", cipher.lookup_hashes("email", address))


def _by_phone(value: str, cipher: PersonalDataCipher) -> Where:
    number = normalise_phone(value)
    if number is None:
        raise InvalidInput("filter.phone takes a number with country code, like +442071838750.")
    return reached_by("phone", cipher.lookup_hashes("phone", number))


LOOKUPS: Mapping[str, Callable[[str, PersonalDataCipher], Where]] = MappingProxyType(
    {"name": _by_name, "email": _by_email, "phone": _by_phone}
)
