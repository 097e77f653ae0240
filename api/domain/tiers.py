"""Tier decisions: a policy applied to columns, with reasons, inputs to replay, and the next step.

A decision is pure: the same policy and the same inputs give the same tier, for one customer or a
million, whatever their order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Mask, column_of, is_missing
from api.domain.fields import FIELDS, Field
from api.domain.policies import PolicyDocument, Rung, parse_document
from api.domain.reasons import (
    JsonColumns,
    Piece,
    Texts,
    assemble,
    condition_gap,
    condition_reason,
    json_of,
    met,
    reason,
    unmet,
)
from api.domain.rules import Masks

STALE = "prediction_stale"
"""The column that is true where a prediction is too old to decide by; optional."""
NO_RUNG = -1


def parse_policy(
    document: object, exponent: int, fields: Mapping[str, Field] = FIELDS
) -> TierPolicy:
    """Read a policy; `exponent` is the base currency's, `fields` includes custom attributes.

    Raises:
        InvalidInput: names the path in the document and the way out.
    """
    return TierPolicy(parse_document(document, exponent, fields))


@dataclass(frozen=True)
class TierPolicy:
    document: PolicyDocument

    def decide(self, columns: Columns, current: npt.NDArray[Any] | None = None) -> TierDecisions:
        """The tier of every customer.

        Needs the columns of `document.fields`; `prediction_stale` is optional. `current` holds
        the present tier keys; policies of kind `rules` decide without them.
        """
        masks = Masks(columns)
        usable = self._usable(columns, masks.size)
        rung = np.full(masks.size, NO_RUNG)
        for rungs, where in ((self.document.rungs, usable), (self.document.fallback, ~usable)):
            open_ = where.copy()
            for place, each in enumerate(rungs):
                hit = open_ & masks.of(each.rule)
                rung[hit] = place
                open_ &= ~hit
        return TierDecisions(self.document, masks, usable, rung, current)

    def replay(self, inputs: Mapping[str, Any]) -> str | None:
        """The tier that these stored inputs lead to."""
        fields = self.document.fields
        columns = {name: _column(inputs[name], field) for name, field in fields.items()}
        columns[STALE] = np.array([bool(inputs[STALE])])
        return cast("str | None", self.decide(columns).tiers[0])

    def _usable(self, columns: Columns, size: int) -> Mask:
        """Where every prediction that the rungs read is there and fresh enough."""
        usable = np.ones(size, dtype=bool)
        names = self.document.predicted_fields
        for name in names:
            usable &= ~is_missing(column_of(name, columns))
        if names and STALE in columns:
            usable &= ~column_of(STALE, columns).astype(bool)
        return usable


def _column(value: Any, field: Field) -> npt.NDArray[Any]:
    if field.type == "date":
        return np.array([value or "NaT"], dtype="datetime64[D]")
    if field.type in ("number", "money"):
        return np.array([np.nan if value is None else value])
    return np.array([value], dtype=object)


@dataclass(frozen=True)
class TierDecisions:
    """What was decided, in the order of rows; the texts are written when they are asked for."""

    policy: PolicyDocument
    masks: Masks
    usable: Mask
    rung: npt.NDArray[np.int64]
    """The place in the policy's rungs, or in its fallback where no prediction was usable."""
    current: npt.NDArray[Any] | None

    @cached_property
    def tiers(self) -> Texts:
        """Tier keys, None for customers below the lowest tier."""
        keys: Texts = np.full(self.masks.size, None, dtype=object)
        for rungs, where in self._lists:
            for place, each in enumerate(rungs):
                keys[where & (self.rung == place)] = each.tier.key
        return keys

    def reasons_json(self) -> Texts:
        """For each customer, a JSON list of reasons `{"code", "params"}`."""
        pieces = self._fallback_pieces()
        for rungs, where in self._lists:
            for place, each in enumerate(rungs):
                pieces += self._rung_pieces(each, where & (self.rung == place))
        pieces.append(reason(self.rung == NO_RUNG, "tier.below_lowest"))
        everyone = np.ones(self.masks.size, dtype=bool)
        return assemble(pieces, everyone, self._sources, "[", "]")

    def inputs_json(self) -> Texts:
        """For each customer, everything `TierPolicy.replay` needs, as a JSON object."""
        names = list(self.policy.fields)
        labels = [f"{json_of(name)}:" for name in (*names, STALE)]
        texts = (labels[0], *(f",{label}" for label in labels[1:]), "")
        everyone = np.ones(self.masks.size, dtype=bool)
        pieces = [Piece(everyone, texts, (*names, STALE))]
        return assemble(pieces, everyone, self._sources, "{", "}")

    def gap_json(self) -> Texts:
        """For each customer, the next better tier and what is missing; None at the top."""
        gaps: Texts = np.full(self.masks.size, None, dtype=object)
        for rungs, where in self._lists:
            for place in range(len(rungs)):
                below = place + 1 if place + 1 < len(rungs) else NO_RUNG
                scope = where & (self.rung == below)
                if scope.any():
                    texts = self._gap_texts(rungs[place], scope)
                    gaps[scope] = texts[scope]
        return gaps

    def reasons(self, row: int) -> list[dict[str, Any]]:
        """One customer's reasons."""
        return cast("list[dict[str, Any]]", json.loads(self.reasons_json()[row]))

    @property
    def _lists(self) -> tuple[tuple[Sequence[Rung], Mask], ...]:
        return (self.policy.rungs, self.usable), (self.policy.fallback, ~self.usable)

    @cached_property
    def _stale(self) -> Mask:
        column = self.masks.columns.get(STALE)
        return np.zeros(self.masks.size, bool) if column is None else np.asarray(column, bool)

    @cached_property
    def _sources(self) -> JsonColumns:
        sources = JsonColumns(self.masks.columns, self.policy.fields)
        sources.add(STALE, self._stale)
        return sources

    def _fallback_pieces(self) -> list[Piece]:
        return [
            reason(~self.usable & self._stale, "tier.fallback_stale_prediction"),
            reason(~self.usable & ~self._stale, "tier.fallback_no_prediction"),
        ]

    def _rung_pieces(self, rung: Rung, where: Mask) -> list[Piece]:
        if rung.otherwise:
            pieces = [reason(where, "tier.otherwise")]
        else:
            found = met(rung.rule, self.masks, where)
            pieces = [condition_reason("tier.condition_met", each) for each in found]
        for remark in rung.tier.remarks:
            scope = where & self.masks.of(remark.rule)
            found = met(remark.rule, self.masks, scope)
            pieces += [condition_reason(f"tier.{remark.key}", each) for each in found]
        return pieces

    def _gap_texts(self, target: Rung, scope: Mask) -> Texts:
        pieces = [condition_gap(each) for each in unmet(target.rule, self.masks, scope)]
        opening = f'{{"tier":{json_of(target.tier.key)},"conditions":['
        return assemble(pieces, scope, self._sources, opening, "]}")
