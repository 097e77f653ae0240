"""Loaders of one request: what many resolvers ask for at once costs one statement."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from strawberry.dataloader import DataLoader

from api.db import (
    cases,
    class_reading,
    consents,
    customers,
    decisions,
    findings,
    interactions,
    orders,
    overrides,
    portfolio,
    scores,
    segments,
    strategies,
    tiers,
    withheld,
)
from api.db.class_evidence import ClassReader, evidence_of
from api.db.model_versions import model_versions, models_by_id
from api.db.pages import Page, PageRequest
from api.db.snapshots import Record, Snapshot

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Paged = tuple[int, PageRequest]
NO_PAGE = Page((), (), has_next=False, has_previous=False)


def by_key(
    snapshot: Snapshot,
    read: Callable[[Snapshot, Sequence[Key]], Awaitable[Mapping[Key, Value]]],
) -> DataLoader[Key, Value | None]:
    """What belongs to a key; none where nothing does."""

    async def load(keys: list[Key]) -> list[Value | None]:
        found = await read(snapshot, keys)
        return [found.get(key) for key in keys]

    return DataLoader(load)


def known(loader: DataLoader[Key, Value], key: Key) -> Value:
    """What a loader has loaded already.

    Raises:
        LookupError: nobody has asked it for this, or it isn't there yet.
    """
    future: Future[Value] | None = loader.cache_map.get(key)
    if future is None or not future.done():
        raise LookupError("not loaded")
    return future.result()


Option = TypeVar("Option", bound=Hashable)


def by_owner(
    snapshot: Snapshot,
    read: Callable[[Snapshot, Sequence[int], Option], Awaitable[Mapping[int, Value]]],
) -> DataLoader[tuple[int, Option], Value | None]:
    """What belongs to an owner, read with an option such as a page; one statement an option."""

    async def load(keys: list[tuple[int, Option]]) -> list[Value | None]:
        owners: dict[Option, list[int]] = {}
        for owner, option in keys:
            owners.setdefault(option, []).append(owner)
        found = {option: await read(snapshot, ids, option) for option, ids in owners.items()}
        return [found[option].get(owner) for owner, option in keys]

    return DataLoader(load)


class Whole(Generic[Value]):
    """A small table that is read whole, once a request."""

    def __init__(self, snapshot: Snapshot, read: Callable[[Snapshot], Awaitable[Value]]) -> None:
        async def load(keys: list[str]) -> list[Value]:
            return [await read(snapshot)] * len(keys)

        self._loader: DataLoader[str, Value] = DataLoader(load)

    def all(self) -> Awaitable[Value]:
        return self._loader.load("all")

    def known(self) -> Value:
        """The table, if it has been read.

        Raises:
            LookupError: it hasn't.
        """
        return known(self._loader, "all")


class Loaders:
    def __init__(self, snapshot: Snapshot, hidden_segments: frozenset[str] = frozenset()) -> None:
        self._classes(snapshot)
        self._decisions(snapshot)
        self._segments(snapshot, hidden_segments)
        self._strategies(snapshot)
        self.customer = by_key(snapshot, customers.customers_by_id)
        self.customer_by_external_id = by_key(snapshot, customers.customers_by_external_id)
        self.attributes = by_key(snapshot, customers.attributes_of)
        self.consents = by_key(snapshot, consents.consents_of)
        self.profile = by_key(snapshot, customers.profiles_of)
        self.findings = by_key(snapshot, findings.findings_of)
        self.mining_run: Whole[Record | None] = Whole(snapshot, findings.newest_run)
        self.group_sizes: Whole[Mapping[str, int]] = Whole(snapshot, findings.group_sizes)
        self.orders = by_owner(snapshot, orders.orders_of)
        self.order = by_key(snapshot, orders.orders_by_id)
        self.order_count = by_owner(snapshot, orders.order_counts)
        self.order_total = by_key(snapshot, orders.order_totals)
        self.order_lines = by_key(snapshot, orders.lines_of)
        self.interactions = by_owner(snapshot, interactions.interactions_of)
        self.interaction = by_key(snapshot, interactions.interactions_by_id)
        self.interaction_count = by_owner(snapshot, interactions.interaction_counts)
        self.totals: Whole[Record] = Whole(snapshot, portfolio.totals)
        self.attribute_definitions: Whole[Sequence[Record]] = Whole(
            snapshot, customers.attribute_definitions
        )

    def _classes(self, snapshot: Snapshot) -> None:
        """What customers are told apart by."""
        self.class_changes_of = by_key(snapshot, class_reading.last_changes)
        self.class_versions = by_key(snapshot, class_reading.classification_versions)
        self.class_history = by_key(snapshot, class_reading.change_histories)
        self.statuses = by_key(snapshot, class_reading.statuses_of)
        self.intent = by_key(snapshot, class_reading.intents_of)
        self.class_evidence = by_owner(snapshot, evidence_of)
        self.class_reader: ClassReader | None = None
        self.classifications: Whole[Sequence[Record]] = Whole(
            snapshot, class_reading.classifications
        )

    def _decisions(self, snapshot: Snapshot) -> None:
        """Predictions, tiers, and what they come from."""
        self.prediction = by_key(snapshot, scores.predictions_of)
        self.tier = by_key(snapshot, tiers.current_tiers)
        self.tier_history = by_owner(snapshot, tiers.tier_histories)
        self.tier_history_count = by_owner(snapshot, tiers.tier_history_counts)
        self.tier_decision = by_owner(snapshot, decisions.decisions_on)
        self.run = by_key(snapshot, decisions.runs_by_id)
        self.overrides = by_key(snapshot, overrides.overrides_of)
        self.customer_of_override = by_key(snapshot, overrides.customers_of_overrides)
        self.model = by_key(snapshot, models_by_id)
        self.policies: Whole[Sequence[Record]] = Whole(snapshot, tiers.policies)
        self.tier_counts: Whole[Mapping[str | None, int]] = Whole(snapshot, tiers.tier_counts)
        self.models: Whole[Sequence[Record]] = Whole(snapshot, model_versions)

    def _segments(self, snapshot: Snapshot, hidden: frozenset[str]) -> None:
        """Groups of customers, but for those that the caller may not know of."""
        self.customer_segments = by_key(snapshot, partial(segments.segments_of, hidden=hidden))
        self.members = by_owner(snapshot, segments.members_of)
        self.member_count = by_key(snapshot, segments.member_counts)
        self.members_count = by_owner(snapshot, segments.member_counts_of)
        self.stays_in_segment = by_owner(snapshot, segments.stays_in)
        self.stays_in_segment_count = by_owner(snapshot, segments.stay_counts_in)
        self.segment_stays = by_owner(snapshot, partial(segments.stays_of, hidden=hidden))
        self.segment_stay_count = by_owner(
            snapshot, partial(segments.stay_counts_of, hidden=hidden)
        )
        self.segments: Whole[Sequence[Record]] = Whole(
            snapshot, partial(segments.all_segments, hidden=hidden)
        )

    def _strategies(self, snapshot: Snapshot) -> None:
        """What is done for customers."""
        self.recommendations = by_owner(snapshot, strategies.recommendations_of)
        self.withheld = by_owner(snapshot, withheld.withheld_of)
        self.favourite_department = by_key(snapshot, strategies.favourite_departments)
        self.cases = by_key(snapshot, cases.cases_of)
        self.case = by_key(snapshot, cases.cases_by_id)
        self.actions = by_owner(snapshot, cases.actions_of)
        self.action = by_key(snapshot, cases.actions_by_id)
        self.tracking: Whole[Mapping[int, Mapping[str, int]]] = Whole(snapshot, cases.tracking)
        self.recommended_counts: Whole[Mapping[int, int]] = Whole(
            snapshot, cases.recommended_counts
        )
        self.strategies: Whole[Sequence[Record]] = Whole(snapshot, strategies.all_strategies)
