"""A checked tier policy: its tiers, and for each group of customers the ladder that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from api.domain.documents import Bilingual
from api.domain.fields import Field
from api.domain.policies.quantiles import Cuts, Quantiles
from api.domain.policies.stability import Stability
from api.domain.rules import EVERYONE, Rule, fields_of
from api.domain.scores import Score


@dataclass(frozen=True)
class Remark:
    """What a tier adds to its reasons where a rule holds."""

    key: str
    rule: Rule


@dataclass(frozen=True)
class Tier:
    """A tier as people see it; rank 1 is the best."""

    key: str
    rank: int
    name: Bilingual
    description: Bilingual
    remarks: tuple[Remark, ...] = ()
    grace_months: int | None = None
    """How long the tier outlasts its conditions, where that is not as in the policy."""

    @property
    def place(self) -> int:
        return self.rank - 1


@dataclass(frozen=True)
class Rung:
    """A tier and who gets it; a ladder's rungs are tried in order, and the first that fits wins."""

    tier: Tier
    rule: Rule
    otherwise: bool
    keep: Rule
    """Who keeps the tier, once reached: the rule with its thresholds moved out."""
    enter: Rule
    """Who moves up to it from another tier: the rule with its thresholds moved in."""


@dataclass(frozen=True)
class Branch:
    """The part of a policy that decides for whom `rule` selects and no earlier branch does."""

    key: str
    rule: Rule
    kind: str
    rungs: tuple[Rung, ...]
    """Empty where `quantiles` draws them."""
    fallback: tuple[Rung, ...]
    """Who gets which tier where a prediction is missing or out of date."""
    stability: Stability
    scores: tuple[Score, ...] = ()
    quantiles: Quantiles | None = None

    def ladder(self, cuts: Cuts) -> tuple[Rung, ...]:
        if self.quantiles is None:
            return self.rungs
        return tuple(
            Rung(tier, rule, otherwise, *self.stability.bands(rule))
            for tier, rule, otherwise in self.quantiles.rungs(cuts)
        )

    @cached_property
    def decided_by(self) -> dict[str, Field]:
        """What the ladder reads, scores by what they are made of."""
        drawn = self.quantiles.fields if self.quantiles is not None else {}
        read = fields_of(*(rung.rule for rung in self.rungs)) | drawn
        named = {f"score.{score.key}": score for score in self.scores}
        made_of = {
            criterion.field.name: criterion.field
            for name, score in named.items()
            if name in read
            for criterion in score.criteria
        }
        return {name: each for name, each in read.items() if name not in named} | made_of

    @cached_property
    def fields(self) -> dict[str, Field]:
        others = fields_of(
            self.rule,
            *(rung.rule for rung in self.fallback),
            *(rung.keep for rung in self.rungs),
        )
        remarks = (remark.rule for rung in self.rungs for remark in rung.tier.remarks)
        criteria = {each.field.name: each.field for score in self.scores for each in score.criteria}
        read = self.decided_by | others | fields_of(*remarks) | criteria
        return {name: each for name, each in read.items() if not name.startswith("score.")}

    @cached_property
    def predicted_fields(self) -> list[str]:
        """What must be known for the ladder to be used rather than the fallback."""
        return [name for name, each in self.decided_by.items() if each.predicted]


@dataclass(frozen=True)
class PolicyDocument:
    key: str
    name: Bilingual
    description: Bilingual
    tiers: tuple[Tier, ...]
    branches: tuple[Branch, ...]
    currency: str | None = None
    """The currency its amounts are meant in; None: whatever the base currency is."""
    allowed_sensitive: Mapping[str, Bilingual] = field(default_factory=dict)
    """Sensitive attributes that may decide, by name, with the reason why."""

    def tier(self, key: str) -> Tier | None:
        return next((each for each in self.tiers if each.key == key), None)

    @property
    def fields(self) -> dict[str, Field]:
        """Everything a decision may read, scores by what they are made of."""
        return {name: each for branch in self.branches for name, each in branch.fields.items()}

    @property
    def predicted_fields(self) -> list[str]:
        return [name for name, each in self.fields.items() if each.predicted]

    @property
    def chooses(self) -> bool:
        """Whether several ladders decide, each for its own customers."""
        return len(self.branches) > 1 or self.branches[0].rule != EVERYONE
