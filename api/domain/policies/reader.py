"""Tier policies as documents: read, and checked before anything is decided by them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.domain.documents import (
    LONGEST_DESCRIPTION,
    Bilingual,
    bilingual,
    description_of,
    entries,
    key_of,
    name_of,
    require_unique,
)
from api.domain.fields import Field, find_field, nearest, shown
from api.domain.policies.document import Branch, PolicyDocument, Remark, Rung, Tier
from api.domain.policies.endings import check_below, read_placed
from api.domain.policies.ladders import (
    KINDS,
    Entries,
    Placed,
    RuleReader,
    is_otherwise,
    read_ladder,
)
from api.domain.policies.stability import Stability, grace_of, parse_stability
from api.domain.rules import EVERYONE, fields_of
from api.domain.scores import parse_scores
from api.errors import InvalidInput

CURRENCY = re.compile("[A-Z]{3}")
REMARKS = ("kept_despite_risk",)
"""What a tier may add to its reasons: the key `x` gives the code `tier.x`."""
MOST_TIERS = 20
MOST_BRANCHES = 20
CHOICE = "choice"
CHOSEN_BY = ("kind", "industry", "region")
"""What may choose between ladders, beside custom attributes."""
DOCUMENT = ("key", "kind", "name", "description", "tiers")
DOCUMENT_OPTIONS = ("currency", "allow_sensitive")
LADDER_OPTIONS = ("below", "fallback", "stability", "scores")
TIER = ("key", "rank", "name", "description")
TIER_OPTIONS = ("remarks", "grace_months")


def parse_document(document: object, exponent: int, fields: Mapping[str, Field]) -> PolicyDocument:
    """Check a policy of any kind.

    Raises:
        InvalidInput: names the path in the document and the way out.
    """
    # A kind that is left out is missed below, with everything else that is.
    kind = document.get("kind", "rules") if isinstance(document, Mapping) else "rules"
    known = (*KINDS, CHOICE)
    if kind not in known:
        raise InvalidInput(f"policy.kind: {shown(kind)} is unknown{nearest(kind, known)}.")
    if kind == CHOICE:
        parts = entries(document, "policy", (*DOCUMENT, "branches"), DOCUMENT_OPTIONS)
    else:
        needed, options, _ = KINDS[kind]
        options = (*DOCUMENT_OPTIONS, *LADDER_OPTIONS, *options)
        parts = entries(document, "policy", (*DOCUMENT, *needed), options)
    allowed = _allowed(parts.get("allow_sensitive", []), fields)
    reader = _Reader(RuleReader(fields, exponent, allowed))
    placed = reader.tiers(parts["tiers"], () if kind == CHOICE else KINDS[parts["kind"]][2])
    tiers = tuple(tier for tier, _, _ in placed)
    branches = (
        reader.branches(parts["branches"], tiers)
        if kind == CHOICE
        else (reader.branch(parts, placed, tiers, ""),)
    )
    return PolicyDocument(
        key_of(parts, "policy"),
        name_of(parts, "policy"),
        description_of(parts, "policy"),
        tiers,
        branches,
        _currency(parts.get("currency")),
        allowed,
    )


def _currency(value: object) -> str | None:
    if value is None or (isinstance(value, str) and CURRENCY.fullmatch(value)):
        return value
    raise InvalidInput(f"policy.currency: takes a currency such as CNY, not {shown(value)}.")


def require_currency(document: Mapping[str, Any], base_currency: str) -> None:
    """Refuse amounts that are meant in another currency than the installation counts in."""
    meant = document.get("currency")
    if meant is not None and meant != base_currency:
        raise InvalidInput(
            f"policy.currency: its amounts are in {shown(meant)}, and this installation counts in "
            f"{base_currency}. Convert them, and name that currency or none."
        )


def _allowed(content: object, fields: Mapping[str, Field]) -> dict[str, Bilingual]:
    """Sensitive attributes that the business lets decide, each with its reason."""
    if not isinstance(content, list):
        raise InvalidInput("allow_sensitive: takes a list of {field, reason}.")
    allowed = {}
    for place, each in enumerate(content):
        path = f"allow_sensitive[{place}]"
        parts = entries(each, path, ("field", "reason"))
        found = find_field(parts["field"], fields, f"{path}.field")
        if found.decides_tiers or found.attribute is None:
            raise InvalidInput(f"{path}.field: {found.name} is no sensitive attribute.")
        allowed[found.name] = bilingual(parts["reason"], f"{path}.reason", LONGEST_DESCRIPTION)
    return allowed


@dataclass(frozen=True)
class _Reader:
    rules: RuleReader

    def tiers(self, content: object, conditions: Sequence[str]) -> list[Placed]:
        if not isinstance(content, list) or not 1 <= len(content) <= MOST_TIERS:
            raise InvalidInput(f"tiers: takes a list of 1 to {MOST_TIERS} tiers, best first.")
        placed: list[Placed] = []
        for place, each in enumerate(content):
            path = f"tiers[{place}]"
            parts = entries(each, path, TIER, (*TIER_OPTIONS, *conditions))
            if parts["rank"] != place + 1 or isinstance(parts["rank"], bool):
                raise InvalidInput(
                    f"{path}.rank: tiers stand from best to lowest, so this is {place + 1}, "
                    f"not {shown(parts['rank'])}."
                )
            tier = Tier(
                key_of(parts, path),
                place + 1,
                name_of(parts, path),
                description_of(parts, path),
                self.remarks(parts.get("remarks", []), f"{path}.remarks"),
                grace_of(parts, path),
            )
            placed.append((tier, parts, path))
        require_unique([tier.key for tier, _, _ in placed], "tiers")
        return placed

    def remarks(self, content: object, path: str) -> tuple[Remark, ...]:
        if not isinstance(content, list):
            raise InvalidInput(f"{path}: takes a list of remarks.")
        remarks = []
        for place, each in enumerate(content):
            parts = entries(each, f"{path}[{place}]", ("key", "when"))
            if parts["key"] not in REMARKS:
                raise InvalidInput(
                    f"{path}[{place}].key: known are {', '.join(REMARKS)}, "
                    f"not {shown(parts['key'])}."
                )
            rule = self.rules.rule(parts["when"], f"{path}[{place}].when")
            remarks.append(Remark(parts["key"], rule))
        return tuple(remarks)

    def branch(
        self, parts: Entries, placed: Sequence[Placed], tiers: Sequence[Tier], path: str
    ) -> Branch:
        """One ladder; `placed` are the tiers it leads to."""
        stability = parse_stability(parts.get("stability", {}), f"{path}stability")
        scores = parse_scores(
            parts.get("scores", []), self.rules.fields, self.rules.exponent, f"{path}scores"
        )
        for place, score in enumerate(scores):
            for criterion in score.criteria:
                self.rules.require_allowed(criterion.field, f"{path}scores[{place}].criteria")
        rules = self.rules.with_scores(scores)
        ladder = read_ladder(parts, placed, rules, stability, path)
        fallback = _Reader(rules).fallback(
            parts.get("fallback", []), tiers, stability, f"{path}fallback"
        )
        branch = Branch(
            "all",
            EVERYONE,
            parts["kind"],
            ladder.rungs,
            fallback,
            stability,
            (*scores, *ladder.scores),
            ladder.quantiles,
        )
        check_below(branch, ladder, parts.get("below"), path)
        return branch

    def fallback(
        self, content: object, tiers: Sequence[Tier], stability: Stability, path: str
    ) -> tuple[Rung, ...]:
        if not isinstance(content, list):
            raise InvalidInput(f"{path}: takes a list of tiers, best first.")
        rungs: list[Rung] = []
        for tier, parts, inner in read_placed(content, tiers, ("when", "otherwise"), path):
            if ("when" in parts) == ("otherwise" in parts):
                raise InvalidInput(f"{inner}: needs either `when` or `otherwise: true`.")
            otherwise = is_otherwise(parts, inner)
            rule = EVERYONE if otherwise else self.rules.rule(parts["when"], f"{inner}.when")
            rungs.append(Rung(tier, rule, otherwise, *stability.bands(rule)))
        return tuple(rungs)

    def branches(self, content: object, tiers: Sequence[Tier]) -> tuple[Branch, ...]:
        if not isinstance(content, list) or not 1 <= len(content) <= MOST_BRANCHES:
            raise InvalidInput(f"branches: takes a list of 1 to {MOST_BRANCHES} branches.")
        branches = []
        for place, each in enumerate(content):
            path = f"branches[{place}]"
            parts = entries(each, path, ("key", "policy"), ("when", "otherwise"))
            if ("when" in parts) == ("otherwise" in parts):
                raise InvalidInput(f"{path}: needs either `when` or `otherwise: true`.")
            last = is_otherwise(parts, path)
            if last != (place + 1 == len(content)):
                raise InvalidInput(
                    f"{path}: the last branch, and only that, is `otherwise: true`, so that "
                    "every customer has one."
                )
            rule = EVERYONE if last else self.chooser(parts["when"], f"{path}.when")
            branch = self._branch_policy(parts["policy"], tiers, f"{path}.policy")
            branches.append(replace(branch, key=key_of(parts, path), rule=rule))
        require_unique([branch.key for branch in branches], "branches")
        used = {rung.tier.key for branch in branches for rung in _all_rungs(branch)}
        for place, tier in enumerate(tiers):
            if tier.key not in used:
                raise InvalidInput(f"tiers[{place}]: no branch leads to {tier.key!r}.")
        return tuple(branches)

    def _branch_policy(self, content: object, tiers: Sequence[Tier], path: str) -> Branch:
        kind = content.get("kind") if isinstance(content, Mapping) else None
        if kind not in KINDS:
            raise InvalidInput(f"{path}.kind: {shown(kind)} is unknown{nearest(kind, KINDS)}.")
        needed, options, conditions = KINDS[str(kind)]
        options = (*LADDER_OPTIONS, *options)
        parts = entries(content, path, ("kind", "tiers", *needed), options)
        placed = read_placed(parts["tiers"], tiers, conditions, f"{path}.tiers")
        return self.branch(parts, placed, tiers, f"{path}.")

    def chooser(self, content: object, path: str) -> Any:
        rule = self.rules.rule(content, path)
        for name, field in fields_of(rule).items():
            if name not in CHOSEN_BY and field.attribute is None:
                raise InvalidInput(
                    f"{path}: ladders are chosen by {', '.join(CHOSEN_BY)} or an attribute, "
                    f"not by {name}."
                )
        return rule


def _all_rungs(branch: Branch) -> list[Rung]:
    drawn = [] if branch.quantiles is None else [tier for tier, _ in branch.quantiles.tiers]
    last = branch.quantiles.last if branch.quantiles is not None else None
    by_share = [Rung(tier, EVERYONE, False, EVERYONE, EVERYONE) for tier in (*drawn, last) if tier]
    return [*branch.rungs, *branch.fallback, *by_share]
