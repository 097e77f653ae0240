"""Nobody falls between two tiers: the list of a document's tiers, and what is below the lowest."""

from __future__ import annotations

from collections.abc import Sequence

from api.domain.documents import entries
from api.domain.fields import shown
from api.domain.policies.document import Branch, Tier
from api.domain.policies.ladders import Ladder, Placed
from api.domain.rules import fields_of
from api.errors import InvalidInput


def read_placed(
    content: object, tiers: Sequence[Tier], conditions: Sequence[str], path: str
) -> list[Placed]:
    """A list of `{tier: KEY, ...}`, best first."""
    if not isinstance(content, list):
        raise InvalidInput(f"{path}: takes a list of tiers, best first.")
    by_key = {tier.key: tier for tier in tiers}
    placed: list[Placed] = []
    for place, each in enumerate(content):
        inner = f"{path}[{place}]"
        parts = entries(each, inner, ("tier",), conditions)
        tier = by_key.get(parts["tier"]) if isinstance(parts["tier"], str) else None
        if tier is None:
            raise InvalidInput(
                f"{inner}.tier: there is no tier {shown(parts['tier'])} "
                f"(known: {', '.join(by_key)})."
            )
        if placed and placed[-1][0].rank >= tier.rank:
            raise InvalidInput(f"{inner}.tier: {tier.key} stands below a tier that is not better.")
        placed.append((tier, parts, inner))
    return placed


def check_below(branch: Branch, ladder: Ladder, below: object, path: str) -> None:
    """Who fits no rung: a policy must say that there is nobody, or that they have no tier."""
    if below not in (None, "none"):
        raise InvalidInput(f"{path or 'policy.'}below: takes none, not {shown(below)}.")
    otherwise = [rung.otherwise for rung in ladder.rungs]
    if ladder.quantiles is not None:
        otherwise = [False, ladder.quantiles.last is not None]
    _check_last(otherwise, below, branch, path, "tiers")
    if branch.predicted_fields and not branch.fallback:
        raise InvalidInput(
            f"{path or 'policy.'}fallback: the tiers read {branch.predicted_fields[0]}, which "
            "can be missing or stale; say which tiers customers get then."
        )
    if branch.fallback:
        _check_last([rung.otherwise for rung in branch.fallback], below, branch, path, "fallback")
    for place, rung in enumerate(branch.fallback):
        for name, field in fields_of(rung.rule).items():
            if field.predicted:
                raise InvalidInput(
                    f"{path}fallback[{place}].when: {name} is a prediction, and the fallback is "
                    "for customers without one."
                )


def _check_last(
    otherwise: Sequence[bool], below: object, branch: Branch, path: str, name: str
) -> None:
    for place, each in enumerate(otherwise[:-1]):
        if each:
            raise InvalidInput(f"{path}{name}[{place}]: `otherwise` is for the last entry only.")
    if otherwise[-1] and below is not None:
        raise InvalidInput(
            f"{path or 'policy.'}below: {name} has an `otherwise`, so nobody is below."
        )
    axes = fields_of(*(rung.rule for rung in branch.rungs)).values()
    complete = branch.kind == "matrix" and name == "tiers" and all(axis.predicted for axis in axes)
    if not otherwise[-1] and below is None and not complete:
        raise InvalidInput(
            f"{path}{name}[{len(otherwise) - 1}]: customers below this tier have no place; give "
            "it `otherwise: true`, or the policy `below: none`."
        )
