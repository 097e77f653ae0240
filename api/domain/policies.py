"""Tier policies as documents: read, checked, and turned into rungs to try one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.domain.documents import (
    Bilingual,
    description_of,
    entries,
    key_of,
    name_of,
    require_unique,
)
from api.domain.fields import Field, shown
from api.domain.rules import EVERYONE, Rule, fields_of, parse_rule
from api.errors import InvalidInput

REMARKS = ("kept_despite_risk",)
"""What a tier may add to its reasons: the key `x` gives the code `tier.x`."""
MOST_TIERS = 20


@dataclass(frozen=True)
class Remark:
    key: str
    rule: Rule


@dataclass(frozen=True)
class Tier:
    """A tier as people see it; rank 1 is the best."""

    key: str
    rank: int
    name: Bilingual
    description: Bilingual
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class Rung:
    """A tier and who gets it; a policy's rungs are tried in order, and the first that fits wins."""

    tier: Tier
    rule: Rule
    otherwise: bool


@dataclass(frozen=True)
class PolicyDocument:
    """A checked policy: the rungs, and those that stand in where there is no usable prediction."""

    key: str
    name: Bilingual
    description: Bilingual
    tiers: tuple[Tier, ...]
    rungs: tuple[Rung, ...]
    fallback: tuple[Rung, ...]

    def tier(self, key: str) -> Tier | None:
        return next((each for each in self.tiers if each.key == key), None)

    @property
    def fields(self) -> dict[str, Field]:
        """Everything a decision may read."""
        rules = [rung.rule for rung in (*self.rungs, *self.fallback)]
        remarks = [remark.rule for tier in self.tiers for remark in tier.remarks]
        return fields_of(*rules, *remarks)

    @property
    def predicted_fields(self) -> list[str]:
        """What must be known for the rungs to be used rather than the fallback."""
        read = fields_of(*(rung.rule for rung in self.rungs))
        return [name for name, field in read.items() if field.predicted]


def parse_document(document: object, exponent: int, fields: Mapping[str, Field]) -> PolicyDocument:
    """Check a policy of kind `rules`.

    Raises:
        InvalidInput: names the path in the document and the way out.
    """
    parts = entries(
        document,
        "policy",
        ("key", "kind", "name", "description", "tiers"),
        ("below", "fallback"),
    )
    if parts["kind"] != "rules":
        raise InvalidInput(f"policy.kind: known is 'rules', not {shown(parts['kind'])}.")
    reader = _Reader(fields, exponent)
    tiers, rungs = reader.tiers(parts["tiers"])
    _check_lowest(rungs, parts.get("below"), "tiers")
    policy = PolicyDocument(
        key_of(parts, "policy"),
        name_of(parts, "policy"),
        description_of(parts, "policy"),
        tiers,
        rungs,
        reader.fallback(parts.get("fallback", []), tiers),
    )
    _check_fallback(policy, parts.get("below"))
    return policy


def _check_lowest(rungs: tuple[Rung, ...], below: object, path: str) -> None:
    if below not in (None, "none"):
        raise InvalidInput(f"policy.below: takes none, not {shown(below)}.")
    for place, rung in enumerate(rungs[:-1]):
        if rung.otherwise:
            raise InvalidInput(f"{path}[{place}]: `otherwise` is for the last entry only.")
    if rungs[-1].otherwise and below is not None:
        raise InvalidInput(f"policy.below: {path} has an `otherwise`, so nobody is below.")
    if not rungs[-1].otherwise and below is None:
        raise InvalidInput(
            f"{path}[{len(rungs) - 1}]: customers below this tier have no place; give it "
            "`otherwise: true`, or the policy `below: none`."
        )


def _check_fallback(policy: PolicyDocument, below: object) -> None:
    if policy.predicted_fields and not policy.fallback:
        raise InvalidInput(
            f"policy.fallback: the tiers read {policy.predicted_fields[0]}, which can be missing "
            "or stale; say which tiers customers get then."
        )
    if policy.fallback:
        _check_lowest(policy.fallback, below, "fallback")
    for place, rung in enumerate(policy.fallback):
        for name, field in fields_of(rung.rule).items():
            if field.predicted:
                raise InvalidInput(
                    f"fallback[{place}].when: {name} is a prediction, and the fallback is for "
                    "customers without one."
                )


@dataclass(frozen=True)
class _Reader:
    fields: Mapping[str, Field]
    exponent: int

    def rule(self, document: object, path: str) -> Rule:
        rule = parse_rule(document, self.fields, self.exponent, path)
        for name, field in fields_of(rule).items():
            if not field.decides_tiers:
                raise InvalidInput(
                    f"{path}: {name} may not decide a tier: it is sensitive, an identifier, "
                    "or follows from tiers itself."
                )
        return rule

    def rung(self, parts: Mapping[str, Any], tier: Tier, path: str) -> Rung:
        if ("when" in parts) == ("otherwise" in parts):
            raise InvalidInput(f"{path}: needs either `when` or `otherwise: true`.")
        if "when" in parts:
            return Rung(tier, self.rule(parts["when"], f"{path}.when"), otherwise=False)
        if parts["otherwise"] is not True:
            raise InvalidInput(f"{path}.otherwise: takes true or is left out.")
        return Rung(tier, EVERYONE, otherwise=True)

    def tiers(self, content: object) -> tuple[tuple[Tier, ...], tuple[Rung, ...]]:
        if not isinstance(content, list) or not 1 <= len(content) <= MOST_TIERS:
            raise InvalidInput(f"tiers: takes a list of 1 to {MOST_TIERS} tiers, best first.")
        rungs = []
        for place, each in enumerate(content):
            path = f"tiers[{place}]"
            parts = entries(
                each,
                path,
                ("key", "rank", "name", "description"),
                ("when", "otherwise", "remarks"),
            )
            if parts["rank"] != place + 1 or isinstance(parts["rank"], bool):
                raise InvalidInput(
                    f"{path}.rank: tiers stand from best to lowest, so this is {place + 1}, "
                    f"not {shown(parts['rank'])}."
                )
            remarks = self.remarks(parts.get("remarks", []), f"{path}.remarks")
            tier = Tier(
                key_of(parts, path),
                place + 1,
                name_of(parts, path),
                description_of(parts, path),
                remarks,
            )
            rungs.append(self.rung(parts, tier, path))
        require_unique([rung.tier.key for rung in rungs], "tiers")
        return tuple(rung.tier for rung in rungs), tuple(rungs)

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
            rule = self.rule(parts["when"], f"{path}[{place}].when")
            remarks.append(Remark(parts["key"], rule))
        return tuple(remarks)

    def fallback(self, content: object, tiers: tuple[Tier, ...]) -> tuple[Rung, ...]:
        if not isinstance(content, list):
            raise InvalidInput("fallback: takes a list of tiers, best first.")
        by_key = {tier.key: tier for tier in tiers}
        rungs: list[Rung] = []
        for place, each in enumerate(content):
            path = f"fallback[{place}]"
            parts = entries(each, path, ("tier",), ("when", "otherwise"))
            tier = by_key.get(parts["tier"]) if isinstance(parts["tier"], str) else None
            if tier is None:
                raise InvalidInput(
                    f"{path}.tier: there is no tier {shown(parts['tier'])} "
                    f"(known: {', '.join(by_key)})."
                )
            if rungs and rungs[-1].tier.rank >= tier.rank:
                raise InvalidInput(
                    f"{path}.tier: {tier.key} stands below a tier that is not better."
                )
            rungs.append(self.rung(parts, tier, path))
        return tuple(rungs)
