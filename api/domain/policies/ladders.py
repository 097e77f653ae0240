"""The five kinds of ladders: how each kind of document says who gets which tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from api.domain.conditions import Condition, parse_condition
from api.domain.documents import Bilingual
from api.domain.fields import Field, find_field, nearest, shown
from api.domain.policies.document import Rung, Tier
from api.domain.policies.matrices import matrix_rules
from api.domain.policies.quantiles import Quantiles, ShareOf
from api.domain.policies.stability import Stability
from api.domain.rules import EVERYONE, Rule, fields_of, parse_rule
from api.domain.scores import (
    TOTAL,
    TOTAL_NAME,
    Score,
    parse_criteria,
    score_field,
    score_fields,
)
from api.errors import InvalidInput

KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "rules": ((), (), ("when", "keep_when", "otherwise")),
    "thresholds": (("measure",), (), ("at_least", "keep_from", "below", "otherwise")),
    "quantiles": (("measure",), ("share_of", "among"), ("top_share", "otherwise")),
    "weighted": (("criteria",), (), ("at_least", "keep_from", "below", "otherwise")),
    "matrix": (("rows", "columns", "cells"), (), ()),
}
"""By kind: the entries it needs, those it may have, and those of each of its tiers."""

Entries = Mapping[str, Any]
Placed = tuple[Tier, Entries, str]
"""A tier, what the document says of who gets it, and where it says so."""


@dataclass(frozen=True)
class RuleReader:
    """Reads rules that may decide a tier."""

    fields: Mapping[str, Field]
    exponent: int
    allowed_sensitive: Mapping[str, Bilingual]

    def rule(self, document: object, path: str) -> Rule:
        rule = parse_rule(document, self.fields, self.exponent, path)
        for each in fields_of(rule).values():
            self.require_allowed(each, path)
        return rule

    def field(self, name: object, path: str) -> Field:
        found = find_field(name, self.fields, path)
        self.require_allowed(found, path)
        return found

    def require_allowed(self, field: Field, path: str) -> None:
        if not field.decides_tiers and field.name not in self.allowed_sensitive:
            raise InvalidInput(
                f"{path}: {field.name} may not decide a tier: it is sensitive, an identifier, "
                "or follows from tiers itself."
            )

    def with_scores(self, scores: Sequence[Score]) -> RuleReader:
        return replace(self, fields={**self.fields, **score_fields(scores)})


@dataclass(frozen=True)
class Ladder:
    rungs: tuple[Rung, ...]
    scores: tuple[Score, ...]
    quantiles: Quantiles | None = None


def read_ladder(
    parts: Entries, placed: Sequence[Placed], reader: RuleReader, stability: Stability, path: str
) -> Ladder:
    """The ladder of a document of any kind; `placed` are its tiers, best first."""
    if parts["kind"] == "quantiles":
        return Ladder((), (), _quantiles(parts, placed, reader, path))
    if parts["kind"] == "weighted":
        criteria = parse_criteria(
            parts["criteria"], reader.fields, reader.exponent, f"{path}criteria"
        )
        for place, each in enumerate(criteria):
            reader.require_allowed(each.field, f"{path}criteria[{place}].field")
        total = Score(TOTAL, TOTAL_NAME, criteria)
        measure = score_field(TOTAL, TOTAL_NAME)
        return Ladder(_thresholds(measure, placed, reader, stability), (total,))
    if parts["kind"] == "thresholds":
        measure = reader.field(parts["measure"], f"{path}measure")
        return Ladder(_thresholds(measure, placed, reader, stability), ())
    if parts["kind"] == "matrix":
        rules = matrix_rules(parts, [tier for tier, _, _ in placed], reader, path)
        return Ladder(tuple(_rung(tier, rule, stability) for tier, rule in rules), ())
    return Ladder(tuple(_by_rule(*each, reader, stability) for each in placed), ())


def _rung(tier: Tier, rule: Rule, stability: Stability, *, otherwise: bool = False) -> Rung:
    return Rung(tier, rule, otherwise, *stability.bands(rule))


def _by_rule(
    tier: Tier, content: Entries, path: str, reader: RuleReader, stability: Stability
) -> Rung:
    if ("when" in content) == ("otherwise" in content):
        raise InvalidInput(f"{path}: needs either `when` or `otherwise: true`.")
    if is_otherwise(content, path):
        return _rung(tier, EVERYONE, stability, otherwise=True)
    rung = _rung(tier, reader.rule(content["when"], f"{path}.when"), stability)
    if "keep_when" not in content:
        return rung
    return replace(rung, keep=reader.rule(content["keep_when"], f"{path}.keep_when"))


def is_otherwise(content: Entries, path: str) -> bool:
    if "otherwise" in content and content["otherwise"] is not True:
        raise InvalidInput(f"{path}.otherwise: takes true or is left out.")
    return "otherwise" in content


def _thresholds(
    measure: Field, placed: Sequence[Placed], reader: RuleReader, stability: Stability
) -> tuple[Rung, ...]:
    if measure.type not in ("number", "money") or measure.many:
        raise InvalidInput(f"measure: {measure.name} is no number.")
    rungs: list[Rung] = []
    lowest: Condition | None = None
    for tier, content, path in placed:
        if ("at_least" in content) == ("otherwise" in content):
            raise InvalidInput(f"{path}: needs either `at_least` or `otherwise: true`.")
        if is_otherwise(content, path):
            rungs.append(_rung(tier, EVERYONE, stability, otherwise=True))
            continue
        reached = _at_least(measure, content["at_least"], reader, f"{path}.at_least")
        _check_order(reached, lowest, content, reader, path)
        rung = _rung(tier, reached, stability)
        if "keep_from" in content:
            keep = _at_least(measure, content["keep_from"], reader, f"{path}.keep_from")
            if keep.threshold > reached.threshold:
                raise InvalidInput(
                    f"{path}.keep_from: a tier is kept from at most at_least on, not from "
                    f"{shown(content['keep_from'])}."
                )
            rung = replace(rung, keep=keep)
        rungs.append(rung)
        lowest = reached
    return tuple(rungs)


def _at_least(measure: Field, value: object, reader: RuleReader, path: str) -> Condition:
    return parse_condition(measure, "gte", value, reader.exponent, path)


def _check_order(
    reached: Condition, better: Condition | None, content: Entries, reader: RuleReader, path: str
) -> None:
    """Thresholds fall from tier to tier; a band that says where it ends must end at the next."""
    if better is not None and reached.threshold >= better.threshold:
        raise InvalidInput(
            f"{path}.at_least: tiers stand from best to lowest, so this must be below the "
            f"better tier's threshold; {shown(content['at_least'])} is not."
        )
    if "below" not in content:
        return
    upper = _at_least(reached.field, content["below"], reader, f"{path}.below")
    if better is None:
        raise InvalidInput(f"{path}.below: the best tier has no upper end.")
    if upper.threshold != better.threshold:
        fault = "a gap" if upper.threshold < better.threshold else "an overlap"
        raise InvalidInput(
            f"{path}.below: leaves {fault} to the better tier, which begins where this must end."
        )


def _quantiles(
    parts: Entries, placed: Sequence[Placed], reader: RuleReader, path: str
) -> Quantiles:
    measure = reader.field(parts["measure"], f"{path}measure")
    if measure.type not in ("number", "money") or measure.many:
        raise InvalidInput(f"{path}measure: {measure.name} is no number.")
    share_of: dict[object, ShareOf] = {"customers": "customers", "measure": "measure"}
    chosen = parts.get("share_of", "customers")
    if chosen not in share_of:
        raise InvalidInput(
            f"{path}share_of: {shown(chosen)} is unknown{nearest(chosen, map(str, share_of))}."
        )
    among = reader.rule(parts["among"], f"{path}among") if "among" in parts else EVERYONE
    tiers: list[tuple[Tier, str]] = []
    last: Tier | None = None
    for place, (tier, content, inner) in enumerate(placed):
        if ("top_share" in content) == ("otherwise" in content):
            raise InvalidInput(f"{inner}: needs either `top_share` or `otherwise: true`.")
        if is_otherwise(content, inner):
            if place + 1 < len(placed):
                raise InvalidInput(f"{inner}: `otherwise` is for the last entry only.")
            last = tier
        else:
            tiers.append((tier, _share(content["top_share"], tiers, f"{inner}.top_share")))
    return Quantiles(measure, share_of[chosen], among, tuple(tiers), last, reader.exponent)


def _share(value: object, better: Sequence[tuple[Tier, str]], path: str) -> str:
    try:
        share = Decimal(repr(value) if isinstance(value, float) else str(value))
    except InvalidOperation:
        share = Decimal("NaN")
    if isinstance(value, bool) or share.is_nan() or not 0 < share <= 1:
        raise InvalidInput(f"{path}: takes a share above 0, up to 1, not {shown(value)}.")
    if better and share <= Decimal(better[-1][1]):
        raise InvalidInput(
            f"{path}: shares count from the top and grow from tier to tier, so this is above "
            f"{better[-1][1]}, not {shown(value)}."
        )
    return str(share)
