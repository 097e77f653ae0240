"""What a resolver may know about the request it works for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import strawberry
from sqlalchemy.ext.asyncio import AsyncEngine

from api.db.installation import InstallationFacts
from api.db.snapshots import Snapshot
from api.domain.audit import Seals
from api.domain.fields import Field
from api.domain.keys import Caller
from api.domain.money import exponent_of
from api.domain.personal_data import PersonalDataCipher
from api.domain.texts.policy_names import PolicyNames
from api.graphql.language import Language
from api.graphql.loaders import Loaders
from api.graphql.pagination import Cursors
from api.graphql.trail import PersonalReads
from api.simulation_process import Simulator

if TYPE_CHECKING:
    from api.graphql.ahead.answers import Ahead
    from api.graphql.mutations.changes import Change


@dataclass(frozen=True)
class PolicyFacts:
    """What a decision tells of the policy that took it."""

    key: str
    version: int
    names: PolicyNames


@dataclass(frozen=True)
class Finished:
    """An answer that needs no completing: it holds what JSON holds."""

    data: Any


@dataclass(frozen=True)
class Business:
    """What all requests share for some seconds: the installation's row and the known fields."""

    installation: InstallationFacts
    fields: Mapping[str, Field]
    labels: Mapping[str, Field]
    """The same for sentences: segments go by their names."""
    personal_segments: frozenset[str] = frozenset()
    """Keys of those that rest on sensitive attributes."""
    personal_strategies: frozenset[str] = frozenset()
    policies: Mapping[int, PolicyFacts] = field(default_factory=dict)
    """Versions of policies by their rows; none of them ever changes."""


@dataclass
class Context:
    caller: Caller
    engine: AsyncEngine
    """For changes only; what is read comes from the snapshot."""
    snapshot: Snapshot
    business: Business
    cursors: Cursors
    cipher: PersonalDataCipher
    language: Language
    now: dt.datetime
    simulator: Simulator
    seals: Seals
    request_id: str
    reads: Snapshot
    """Where reads of personal data are recorded: this very database, or a file beside it."""
    personal: PersonalReads = field(default_factory=PersonalReads)
    """What the answer holds of people, noted as it comes together."""
    change: Change | None = None
    """What the mutation field at work changes."""
    replayed: bool = False
    """Whether a reply was given again."""
    ahead: Ahead | None = None
    """Where root fields look ahead; none where each field is to be executed."""

    @cached_property
    def loaders(self) -> Loaders:
        return Loaders(self.snapshot, self.hidden_segments)

    @property
    def hidden_segments(self) -> frozenset[str]:
        """Segments that the caller may not know of: who is in them follows from personal data."""
        return frozenset() if self.caller.may("pii:read") else self.business.personal_segments

    @property
    def hidden_strategies(self) -> frozenset[str]:
        return frozenset() if self.caller.may("pii:read") else self.business.personal_strategies

    async def forget(self) -> None:
        """Read everything anew from here on: for after a change, and before one."""
        await self.snapshot.renew()
        self.__dict__.pop("loaders", None)

    @cached_property
    def exponent(self) -> int:
        return exponent_of(self.currency)

    @property
    def currency(self) -> str:
        return self.business.installation.base_currency

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.business.installation.time_zone)

    @cached_property
    def stale_from(self) -> dt.datetime:
        """What is valid until this moment or earlier is stale."""
        return self.business.installation.stale_from(self.now)

    def major(self, minor: int) -> float:
        """A predicted amount as people read it: an estimate, so a float will do."""
        return float(minor / 10**self.exponent)

    def exact(self, minor: int) -> Decimal:
        """A booked amount in major units, to the last digit."""
        return Decimal(minor).scaleb(-self.exponent)


Info = strawberry.Info[Context, None]
