"""One stored tier decision, explained: what decided it, replayed, and what would change it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from api.domain.fields import Field
from api.domain.policies import Tier
from api.domain.scores import score_fields
from api.domain.tiers import STALE, TierPolicy, parse_policy
from api.domain.tiers.what_if import Change, Situation, single_changes
from api.errors import EchelonError

HELD_BY = ("tier.watch", "tier.minimum_stay")
"""Reasons that name the day until which a tier is kept for now."""
CONTRIBUTION = "tier.contribution"
Json = Mapping[str, Any]


class NotReplayed(EchelonError):
    """A stored decision does not follow from what is stored with it."""

    code = "NOT_REPLAYED"


@dataclass(frozen=True)
class Run:
    """The refresh that decided; `models` are labels such as churn/3."""

    id: int
    as_of: dt.date
    published_at: dt.datetime
    models: tuple[str, ...]


@dataclass(frozen=True)
class PolicyVersion:
    key: str
    version: int
    document: Json
    sound: bool
    """Whether the document is the one whose SHA-256 was stored."""


@dataclass(frozen=True)
class Hint:
    """What mining found to lower the risk: actions, and the model's own probability after them."""

    actions: tuple[str, ...]
    before: float
    after: float


@dataclass(frozen=True)
class SetByHand:
    tier: str
    reason: str
    author: str
    expires_on: dt.date


@dataclass(frozen=True)
class Stored:
    """A decision as the database has it."""

    customer: str
    tier: str | None
    since: dt.date
    until: dt.date | None
    reasons: Sequence[Json]
    inputs: Json
    gap: Json | None
    margin: Json | None
    policy: PolicyVersion
    run: Run
    override: SetByHand | None = None
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True)
class ActionEffect:
    """What a stored hint would do to the risk, and to the tier by deciding again."""

    hint: Hint
    tier: str | None


@dataclass(frozen=True)
class Explanation:
    """Reads a stored decision; `as_of` is the day that was asked about."""

    stored: Stored
    as_of: dt.date
    exponent: int
    fields: Mapping[str, Field]

    @cached_property
    def policy(self) -> TierPolicy:
        return parse_policy(self.stored.policy.document, self.exponent, self.fields)

    @property
    def known_fields(self) -> Mapping[str, Field]:
        """For words: the known fields, and the scores that the policy's rules read."""
        scores = [score for branch in self.policy.document.branches for score in branch.scores]
        return {**self.fields, **score_fields(scores)}

    @property
    def tier(self) -> Tier | None:
        key = self.stored.tier
        return None if key is None else self.policy.document.tier(key)

    @property
    def measures(self) -> list[tuple[Field, Any]]:
        """Everything the policy could read about the customer, as it was.

        Raises:
            NotReplayed: the record lacks some of it.
        """
        self._require_inputs()
        inputs = self.stored.inputs
        return [(field, inputs[name]) for name, field in self.policy.document.fields.items()]

    @property
    def contributions(self) -> list[Json]:
        """What each criterion brought to a score, if scores decided."""
        return [each["params"] for each in self.stored.reasons if each["code"] == CONTRIBUTION]

    @property
    def held(self) -> Json | None:
        """`since` and `until`, days as text, of a watch or a minimum stay that holds the tier."""
        return next(
            (each["params"] for each in self.stored.reasons if each["code"] in HELD_BY), None
        )

    @cached_property
    def replayed(self) -> str | None:
        """The tier that the stored policy gives for the stored inputs."""
        try:
            return self.policy.replay(self.stored.inputs)
        except (KeyError, TypeError, ValueError) as error:
            raise NotReplayed(
                f"The stored inputs are incomplete: {type(error).__name__}."
            ) from error

    @cached_property
    def flaws(self) -> tuple[str, ...]:
        """What speaks against the record; nothing where it is as it was written."""
        found = []
        if not self.stored.policy.sound:
            found.append("the policy's document has been changed since it was stored")
        if self.replayed != self.stored.tier:
            found.append(f"the stored inputs lead to {self.replayed}, not to {self.stored.tier}")
        found += [
            f"the reasons and the inputs disagree about {name}"
            for name, said in self._said()
            if name in self.stored.inputs and self.stored.inputs[name] != said
        ]
        return tuple(found)

    def require_equal(self) -> None:
        """Raises:
        NotReplayed: the record contradicts itself; the message says in what.
        """
        if self.flaws:
            raise NotReplayed(f"This decision can't be replayed: {'; '.join(self.flaws)}.")

    def _said(self) -> list[tuple[str, Any]]:
        """Fields and the values that reasons, gap and margin name for them."""
        params = [each["params"] for each in self.stored.reasons]
        said = [(each["field"], each["value"]) for each in params if "field" in each]
        for part in (self.stored.gap, self.stored.margin):
            conditions = (part or {}).get("conditions", ())
            said += [(each["field"], each["current"]) for each in conditions]
        return said

    def _require_inputs(self) -> None:
        missing = {*self.policy.document.fields, STALE} - self.stored.inputs.keys()
        if missing:
            raise NotReplayed(f"The stored inputs are incomplete: {', '.join(sorted(missing))}.")

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Single measures that would better the tier, verified by deciding again."""
        return single_changes(self._situation)

    @cached_property
    def effects(self) -> tuple[ActionEffect, ...]:
        """What the stored hints would do, where the policy reads the risk."""
        hints = self.stored.hints
        name = "churn_probability"
        if not hints:
            return ()
        if name not in self.policy.document.fields:
            return tuple(ActionEffect(hint, self.stored.tier) for hint in hints)
        tiers = self._situation.decide([{name: hint.after} for hint in hints])
        return tuple(ActionEffect(hint, tier) for hint, tier in zip(hints, tiers, strict=True))

    @property
    def _situation(self) -> Situation:
        self._require_inputs()
        stored = self.stored
        return Situation(self.policy, stored.inputs, stored.tier, stored.since, self.as_of)
