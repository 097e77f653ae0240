"""Try a tier policy on everybody before it counts; nothing is written.

The use case behind `echelon policy simulate` and, in a process of its own, `simulateTierPolicy`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from api.db.bulk import bulk_connection
from api.db.installation import InstallationFacts, read_installation
from api.db.known_fields import read_known_fields
from api.db.overrides import read_overrides
from api.db.policies import policy_in_force
from api.db.replays import read_months
from api.db.simulation import Everyone, Reading, external_ids, last_published
from api.domain.fields import Field
from api.domain.money import exponent_of
from api.domain.simulation import AMOUNTS, Edge, Matrix, edges_of, matrix_of
from api.domain.simulation.disparity import GroupShare, group_shares
from api.domain.simulation.flapping import Flapping
from api.domain.simulation.replays import Month, replay
from api.domain.tiers import Overrides, TierDecisions, TierPolicy, parse_policy
from api.domain.tiers.standings import Standing
from api.errors import InvalidInput, NotReady
from ml.contracts import cutoff_of


@dataclass(frozen=True)
class AttributeDisparity:
    """One sensitive attribute: the shares of its groups in the best tiers."""

    attribute: Field
    groups: tuple[GroupShare, ...]


@dataclass(frozen=True)
class Restlessness:
    """How often tiers flap over past months: under the new policy, without its bands, at present.

    Past months are replayed with today's models, on a sample of customers.
    """

    new: Flapping
    naive: Flapping
    present: Flapping
    customers: int


@dataclass(frozen=True)
class SimulationReport:
    as_of: dt.date
    policy: TierPolicy
    present_key: str
    present_version: int
    matrix: Matrix
    edges: tuple[Edge, ...]
    names: Mapping[int, str]
    """The business's own number of each row that an edge names."""
    restlessness: Restlessness | None
    """None where no past month is stored yet."""
    best_tiers: tuple[str, ...]
    disparity: tuple[AttributeDisparity, ...]
    sampled: bool
    """Whether a past day was asked for, of which only a sample is known."""


@dataclass(frozen=True)
class _Scene:
    """Both policies and who they decide about."""

    new: TierPolicy
    present: TierPolicy
    present_version: int
    as_of: dt.date
    months: Sequence[Month]


def simulate_policy(
    engine: Engine,
    url: str,
    document: object,
    *,
    now: dt.datetime,
    as_of: dt.date | None = None,
    sensitive: bool = True,
) -> SimulationReport:
    """What would become of everybody's tier as of the last refresh, or of a past month's end.

    `sensitive` says whether groups by sensitive attributes may be looked at.

    Raises:
        InvalidInput: the policy is none, or nothing is known of that day.
        NotReady: nothing has been published yet.
    """
    installation = read_installation(engine)
    fields = read_known_fields(engine)
    exponent = exponent_of(installation.base_currency)
    new = parse_policy(document, exponent, fields)
    with engine.connect() as connection:
        published = last_published(connection)
        if published is None:
            raise NotReady("There is nobody to try a policy on yet. Decide first: echelon refresh")
        stored = policy_in_force(connection)
        months = read_months(connection, fields)
    present = parse_policy(stored.document, exponent, fields)
    scene = _Scene(new, present, stored.version, published, months)
    if as_of is not None and as_of != published:
        return _on_past_day(scene, as_of, fields, sensitive)
    attributes = [field for field in fields.values() if _is_sensitive(field) and sensitive]
    read = {**new.document.fields, **{name: fields[name] for name in AMOUNTS}}
    read |= {field.name: field for field in attributes}
    with bulk_connection(url) as bulk:
        reading = _reading(bulk, engine.dialect.name, installation, published, now)
        everyone = reading.everyone(read.values())
    overrides = _overrides(engine, new, everyone.ids, published)
    found = _found(scene, everyone, attributes, overrides)
    rows = sorted({row for edge in found[1] for row, _ in (*edge.above, *edge.below)})
    with engine.connect() as connection:
        names = external_ids(connection, [int(everyone.ids[row]) for row in rows])
    return _report(
        scene, found, {row: names[int(everyone.ids[row])] for row in rows}, sampled=False
    )


_Found = tuple[Matrix, tuple[Edge, ...], tuple[AttributeDisparity, ...]]


def _reading(
    connection: Any, dialect: str, installation: InstallationFacts, day: dt.date, now: dt.datetime
) -> Reading:
    zone = ZoneInfo(installation.time_zone)
    today = installation.today
    stale_from = dt.datetime.combine(today, dt.time(), zone) if today else now
    cutoff = cutoff_of(day, installation.time_zone)
    return Reading(connection, dialect, installation.time_zone, day, cutoff, stale_from)


def _found(
    scene: _Scene,
    everyone: Everyone,
    attributes: Iterable[Field],
    overrides: Overrides | None,
) -> _Found:
    document = scene.new.document
    ours = everyone.decided_by == document.key
    standing = Standing(
        everyone.stood,
        np.asarray(ours, dtype=bool),
        everyone.since,
        everyone.watch_since,
        everyone.evaluated_on,
    )
    decisions = scene.new.decide(everyone.columns, standing, scene.as_of, overrides=overrides)
    tiers = [tier.key for tier in document.tiers]
    after = decisions.tiers
    return (
        matrix_of(everyone.columns, everyone.tier, after, tiers),
        _edges(decisions, tiers),
        _disparity(scene, everyone.columns, attributes, everyone.tier, after),
    )


def _edges(decisions: TierDecisions, tiers: list[str], **most: int) -> tuple[Edge, ...]:
    lacking, spare = decisions.gap_shares, decisions.spare_shares
    return edges_of(decisions.tiers, lacking, spare, decisions.next_tiers, tiers, **most)


def _on_past_day(
    scene: _Scene, day: dt.date, fields: Mapping[str, Field], sensitive: bool
) -> SimulationReport:
    """The same on the sample of a past month's end, after the months before it."""
    known = [month.day for month in scene.months]
    if day not in known:
        listed = ", ".join(each.isoformat() for each in [*known, scene.as_of])
        raise InvalidInput(f"--as-of: nothing is kept of {day}. There are: {listed}.")
    months = scene.months[: known.index(day) + 1]
    columns = months[-1].columns
    before, after = (replay(policy, months).tiers[-1] for policy in (scene.present, scene.new))
    decisions = scene.new.decide(columns)
    tiers = [tier.key for tier in scene.new.document.tiers]
    attributes = [
        field
        for field in fields.values()
        if sensitive and _is_sensitive(field) and field.name in columns
    ]
    found = (
        matrix_of(columns, before, after, tiers),
        _edges(decisions, tiers, most=0),
        _disparity(scene, columns, attributes, before, after),
    )
    return _report(
        _Scene(scene.new, scene.present, scene.present_version, day, months),
        found,
        {},
        sampled=True,
    )


def _report(
    scene: _Scene, found: _Found, names: Mapping[int, str], *, sampled: bool
) -> SimulationReport:
    return SimulationReport(
        scene.as_of,
        scene.new,
        scene.present.document.key,
        scene.present_version,
        found[0],
        found[1],
        names,
        _restlessness(scene),
        best_tiers(scene.new),
        found[2],
        sampled,
    )


def _restlessness(scene: _Scene) -> Restlessness | None:
    months = [month for month in scene.months if _readable(month, scene)]
    if not months:
        return None
    new, present = (replay(policy, months) for policy in (scene.new, scene.present))
    customers = len(np.unique(np.concatenate([month.ids for month in months])))
    return Restlessness(new.held, new.naive, present.held, customers)


def _readable(month: Month, scene: _Scene) -> bool:
    """Whether everything that either policy reads was stored; a new field has no past yet."""
    read = {**scene.new.document.fields, **scene.present.document.fields}
    return all(name in month.columns for name in read)


def best_tiers(policy: TierPolicy) -> tuple[str, ...]:
    """The better half of the tiers."""
    tiers = policy.document.tiers
    return tuple(tier.key for tier in tiers[: max(len(tiers) // 2, 1)])


def _is_sensitive(field: Field) -> bool:
    return field.attribute is not None and not field.decides_tiers and field.type != "date"


def _disparity(
    scene: _Scene, columns: Mapping[str, Any], attributes: Iterable[Field], before: Any, after: Any
) -> tuple[AttributeDisparity, ...]:
    best = [
        np.fromiter((tier in chosen for tier in tiers.tolist()), bool, len(tiers))
        for chosen, tiers in (
            (frozenset(best_tiers(scene.present)), before),
            (frozenset(best_tiers(scene.new)), after),
        )
    ]
    return tuple(
        AttributeDisparity(field, group_shares(_groupable(columns[field.name], field), *best))
        for field in attributes
    )


def _groupable(column: Any, field: Field) -> Any:
    if field.type != "boolean":
        return column
    words = np.array(["false", "true", None], dtype=object)
    return words[np.where(np.isnan(column), 2, column).astype(np.int64)]


def _overrides(engine: Engine, policy: TierPolicy, ids: Any, day: dt.date) -> Overrides | None:
    """Tiers set by hand, which hold under any policy that has them."""
    known = {tier.key for tier in policy.document.tiers}
    rows = [
        row
        for row in read_overrides(engine, day).to_pylist()
        if row["kind"] == "tier" and row["value"] in known
    ]
    if not rows:
        return None
    tier: Any = np.full(len(ids), None, dtype=object)
    until = np.full(len(ids), np.datetime64("NaT", "D"))
    for row in rows:
        place = int(np.searchsorted(ids, row["customer_id"]))
        tier[place], until[place] = row["value"], row["expires_on"]
    return Overrides(tier, tier != None, until)  # noqa: E711
