"""What a classification is: named values, a kind that draws cut-offs and one that applies them.

Cut-offs are drawn from everybody once and then published; with them anybody can be classified
alone. Codes are places in the list of values, -1 where a customer has none.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Mask, column_of, is_missing
from api.domain.documents import Bilingual
from api.domain.fields import FIELDS, Choice, Field
from api.domain.reasons import Piece
from api.domain.rules import EVERYONE, Masks, Rule, fields_of

Column = npt.NDArray[Any]
Codes = npt.NDArray[np.int8]
Cutoffs = Mapping[str, Any]
NO_VALUE = -1

OWN_COLUMNS = ("rfm_group", "abc_class", "lifecycle_stage")
"""Classifications that are fields by their plain key, each with a column of its own."""
RFM_SCORES = ("r_score", "f_score", "m_score")


def field_name(key: str) -> str:
    """What rules call a classification."""
    return key if key in OWN_COLUMNS else f"class.{key}"


def score_name(key: str) -> str:
    """What other classifications call the score of a weighted one; no other rule may read it."""
    return f"class.{key}.score"


@dataclass(frozen=True)
class Circumstances:
    """What a classification may depend on beside the columns."""

    as_of: dt.date
    churn_horizon_days: float


@dataclass(frozen=True)
class ClassValue:
    key: str
    name: Bilingual


@dataclass(frozen=True)
class Assigned:
    codes: Codes
    scores: Mapping[str, Column] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    """Further columns that a kind gives: RFM scores by name, `score` of a weighted one."""


class Kind(Protocol):
    """How values are given; sees only the customers that a classification is about."""

    @property
    def reads(self) -> Mapping[str, Field]:
        """Everything it reads."""
        ...

    @property
    def needs(self) -> Mapping[str, Field]:
        """What must be known; who lacks it gets no value."""
        ...

    def draw(self, columns: Columns, circumstances: Circumstances) -> dict[str, Any]:
        """The cut-offs, JSON-able, money in minor units."""
        ...

    def assign(self, columns: Columns, cutoffs: Cutoffs) -> Assigned: ...

    def evidence(self, columns: Columns, cutoffs: Cutoffs, codes: Codes) -> list[Piece]:
        """Why each customer has the value; where a code is -1, nothing need be said."""
        ...


@dataclass(frozen=True)
class Classification:
    """A checked document."""

    key: str
    name: Bilingual
    description: Bilingual
    kind_name: str
    kind: Kind
    values: tuple[ClassValue, ...]
    among: Rule = EVERYONE
    outside: int = NO_VALUE
    """The value of customers who are not in `among`."""
    needs: Mapping[str, Field] = dataclasses.field(default_factory=dict)
    transitions: Mapping[str, tuple[str, ...]] | None = None
    """Set by people: by value, what it may be changed to; none where people don't set it."""

    @property
    def field_name(self) -> str:
        return field_name(self.key)

    @cached_property
    def field(self) -> Field:
        """The field that rules know it by."""
        own = FIELDS[self.key] if self.key in OWN_COLUMNS else None
        return own or class_field(self.key, self.name, self.values)

    @cached_property
    def reads(self) -> dict[str, Field]:
        return {**fields_of(self.among), **self.kind.reads, **self.required}

    @cached_property
    def required(self) -> dict[str, Field]:
        return {**self.needs, **self.kind.needs}

    def code_of(self, value: str) -> int | None:
        """The place of a value; none if there is no such value."""
        return next((n for n, each in enumerate(self.values) if each.key == value), None)

    def named(self, codes: Codes) -> Column:
        """Codes as the column that rules read: value keys, None where there is none."""
        keys: list[str | None] = [each.key for each in self.values]
        return np.array([*keys, None], dtype=object)[codes]

    def decide(
        self, columns: Columns, circumstances: Circumstances
    ) -> tuple[dict[str, Any], Assigned]:
        """The cut-offs drawn from these customers, and what they make of them."""
        subject = self.subject(columns)
        cutoffs = self.kind.draw(subject[0], circumstances)
        return cutoffs, self._assigned(subject, cutoffs)

    def assign(self, columns: Columns, cutoffs: Cutoffs) -> Assigned:
        """What cut-offs that were drawn before make of these customers."""
        return self._assigned(self.subject(columns), cutoffs)

    def _assigned(self, chosen: tuple[Columns, Mask, Mask], cutoffs: Cutoffs) -> Assigned:
        subject, known, among = chosen
        found = self.kind.assign(subject, cutoffs)
        if known.all():
            return found
        codes = np.where(among, NO_VALUE, self.outside).astype(np.int8)
        codes[known] = found.codes
        scores = {}
        for name, values in found.scores.items():
            scores[name] = np.full(len(known), np.nan)
            scores[name][known] = values
        return Assigned(codes, scores)

    def subject(self, columns: Columns) -> tuple[Columns, Mask, Mask]:
        """The columns of those who can be classified, who they are, and whom this is about."""
        among = Masks(columns).of(self.among)
        known = among.copy()
        for name in self.required:
            known &= ~is_missing(column_of(name, columns))
        if known.all():
            return columns, known, among
        rows = np.flatnonzero(known)
        picked = {name: column_of(name, columns)[rows] for name in self.kind.reads}
        return {"": rows, **picked}, known, among  # so that a kind that reads nothing has a size


@dataclass(frozen=True)
class ByHand:
    """Values that people gave: they win over what is computed."""

    rows: npt.NDArray[np.intp]
    codes: Codes


@dataclass(frozen=True)
class Classified:
    columns: dict[str, Column]
    """By field name, as rules read them; and the RFM scores."""
    cutoffs: dict[str, dict[str, Any]]
    """What was drawn from these customers, by classification: JSON-able, money in minor units."""
    codes: dict[str, Codes]

    def counts(self, classification: Classification) -> dict[str, int]:
        """How many customers have each value."""
        codes = self.codes[classification.key]
        found = np.bincount(codes[codes >= 0], minlength=len(classification.values))
        return {each.key: int(found[n]) for n, each in enumerate(classification.values)}


def class_field(
    key: str, name: Bilingual, values: tuple[ClassValue, ...], *, decides_tiers: bool = True
) -> Field:
    """The field `class.KEY` that a classification adds to the catalogue."""
    return Field(
        f"class.{key}",
        "choice",
        name.en,
        name.zh,
        "customer_profiles",
        "classes",
        choices=tuple(Choice(each.key, each.name.en, each.name.zh) for each in values),
        decides_tiers=decides_tiers,
    )
