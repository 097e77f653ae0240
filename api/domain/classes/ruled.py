"""Values by ordered rules: the first that holds wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from api.domain.classes.definitions import NO_VALUE, Assigned, Circumstances, Codes, Cutoffs
from api.domain.conditions import Columns
from api.domain.fields import Field
from api.domain.reasons import Piece, condition_reason, met, reason, unmet
from api.domain.rules import Masks, Rule, fields_of


@dataclass(frozen=True)
class Rules:
    """Who no rule fits gets `otherwise`, or no value. Without any rule, only people give values."""

    rules: tuple[tuple[int, Rule], ...]
    """The place of a value, and when it is given."""
    otherwise: int = NO_VALUE

    @property
    def reads(self) -> Mapping[str, Field]:
        return fields_of(*(rule for _, rule in self.rules))

    @property
    def needs(self) -> Mapping[str, Field]:
        return {}

    def draw(self, _columns: Columns, _circumstances: Circumstances) -> dict[str, Any]:
        return {}

    def assign(self, columns: Columns, _cutoffs: Cutoffs) -> Assigned:
        masks = Masks(columns)
        codes = np.full(masks.size, self.otherwise, dtype=np.int8)
        for place, rule in reversed(self.rules):
            codes[masks.of(rule)] = place
        return Assigned(codes)

    def evidence(self, columns: Columns, _cutoffs: Cutoffs, codes: Codes) -> list[Piece]:
        masks = Masks(columns)
        pieces = []
        for place, rule in self.rules:
            where = (codes == place) & masks.of(rule)
            pieces += [
                condition_reason("class.condition_met", each) for each in met(rule, masks, where)
            ]
        if self.otherwise != NO_VALUE:
            where = codes == self.otherwise
            pieces.append(reason(where, "class.otherwise"))
            for _, rule in self.rules[-1:]:  # what the nearest other value would have taken
                pieces += [
                    # `unmet` says what is wanted; told here is what is the case instead.
                    condition_reason("class.condition_met", replace(each, holds=not each.holds))
                    for each in unmet(rule, masks, where)
                ]
        return pieces
