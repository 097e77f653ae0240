"""Stays in tiers with the record of why: what a customer entered with stays as it was."""

from __future__ import annotations

from collections.abc import Callable

from api.db.stays import Stays

RECORD = ("reasons", "inputs", "gap_to_next", "margin_to_lower")
OUTLOOK = ("next_tier_key", "gap_share", "watch_until")
STATE = ("watch_since", "evaluated_on")
WRITTEN = ("policy_version_id", "run_id", *RECORD, *OUTLOOK, *STATE)
TIERS = Stays(
    "tier_assignments",
    "staged_tiers",
    "tier_key",
    "since",
    "ended_on",
    f"customer_id, tier_key, since, {', '.join(WRITTEN)}",
    nullable=True,
)


def follow_tiers(run: Callable[[str], int], dialect: str, day: str) -> int:
    """Make the stays and their records those of `staged_tiers`; the number of stays changed."""
    changes = TIERS.follow(run, day)
    _rewrite_entries_of(run, day)
    _keep_current(run, dialect, day)
    return changes


def _differs(names: tuple[str, ...], ours: str = "tier_assignments") -> str:
    return " OR ".join(f"s.{name} IS DISTINCT FROM {ours}.{name}" for name in names)


def _update(assignments: str, where: str) -> str:
    return (
        f"UPDATE tier_assignments SET {assignments} FROM staged_tiers s "
        "WHERE s.customer_id = tier_assignments.customer_id "
        f"AND tier_assignments.ended_on IS NULL AND {where}"
    )


def _rewrite_entries_of(run: Callable[[str], int], day: str) -> None:
    """A stay that an earlier refresh of the same day began is entered with what is known now."""
    assignments = ", ".join(f"{name} = s.{name}" for name in WRITTEN)
    compared = tuple(name for name in WRITTEN if name != "run_id")
    run(_update(assignments, f"tier_assignments.since >= {day} AND ({_differs(compared)})"))


def _keep_current(run: Callable[[str], int], dialect: str, day: str) -> None:
    """Of stays that go on: the latest record beside the first one, and the state of the stay.

    The state before the day is kept, so that refreshing a day again finds it as it was.
    """
    same = f"NOT ({_differs(('policy_version_id', *RECORD))})"
    known = _without_run(dialect)
    now = f"CASE WHEN {same} THEN NULL ELSE {_object(dialect)} END"
    compared = f"CASE WHEN {same} THEN NULL ELSE {_object(dialect, run=False)} END"
    moved = f"({_differs(STATE)})"
    first = f"{moved} AND COALESCE(tier_assignments.state_on < {day}, TRUE)"
    assignments = [f"now = {now}", *(f"{name} = s.{name}" for name in (*OUTLOOK, *STATE))]
    assignments += [
        f"{before} = CASE WHEN {first} THEN tier_assignments.{name} "
        f"ELSE tier_assignments.{before} END"
        for name, before in zip(STATE, ("watch_before", "evaluated_before"), strict=True)
    ]
    assignments.append(f"state_on = CASE WHEN {moved} THEN {day} ELSE state_on END")
    where = (
        f"tier_assignments.since < {day} AND "
        f"({_differs((*OUTLOOK, *STATE))} OR {known} IS DISTINCT FROM {compared})"
    )
    run(_update(", ".join(assignments), where))


def _object(dialect: str, *, run: bool = True) -> str:
    """A staged record as one JSON object; `run` is left out where two are compared."""
    parts = ["'policy_version_id', s.policy_version_id"]
    parts += ["'run_id', s.run_id"] if run else []
    if dialect == "sqlite":
        parts += [f"'{name}', json(s.{name})" for name in RECORD]
        return f"json_object({', '.join(parts)})"
    parts += [f"'{name}', s.{name}" for name in RECORD]
    return f"jsonb_build_object({', '.join(parts)})"


def _without_run(dialect: str) -> str:
    if dialect == "sqlite":
        return "json_remove(tier_assignments.now, '$.run_id')"
    return "(tier_assignments.now - 'run_id')"
