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

    A record that says the same of a later day is not written. The state before the day is kept,
    so that refreshing a day again finds it as it was.
    """
    entered = "tier_assignments.{}".format
    same = _says_the_same(entered, "tier_assignments.policy_version_id")
    parsed = "s.{}" if dialect == "sqlite" else "s.{}::jsonb"
    known = _says_the_same(_part_of_now(dialect), _policy_of_now(dialect), parsed.format)
    moved = f"({_differs(STATE)})"
    first = f"{moved} AND COALESCE(tier_assignments.state_on < {day}, TRUE)"
    assignments = [
        f"now = CASE WHEN {same} THEN NULL WHEN {known} THEN tier_assignments.now "
        f"ELSE {_object(dialect)} END",
        *(f"{name} = s.{name}" for name in (*OUTLOOK, *STATE)),
        *(
            f"{before} = CASE WHEN {first} THEN tier_assignments.{name} "
            f"ELSE tier_assignments.{before} END"
            for name, before in zip(STATE, ("watch_before", "evaluated_before"), strict=True)
        ),
        f"state_on = CASE WHEN {moved} THEN {day} ELSE state_on END",
    ]
    settled = f"CASE WHEN tier_assignments.now IS NULL THEN {same} ELSE {known} END"
    where = f"tier_assignments.since < {day} AND ({_differs((*OUTLOOK, *STATE))} OR NOT {settled})"
    run(_update(", ".join(assignments), where))


def _says_the_same(
    stored: Callable[[str], str], policy: str, staged: Callable[[str], str] = "s.{}".format
) -> str:
    """Whether a staged record says what a stored one does."""
    parts = (f"{staged(name)} IS NOT DISTINCT FROM {stored(name)}" for name in RECORD)
    return f"(s.policy_version_id = {policy} AND {' AND '.join(parts)})"


def _part_of_now(dialect: str) -> Callable[[str], str]:
    return (
        "json_extract(tier_assignments.now, '$.{}')"
        if dialect == "sqlite"
        else ("NULLIF(tier_assignments.now -> '{}', 'null')")
    ).format


def _policy_of_now(dialect: str) -> str:
    if dialect == "sqlite":
        return "json_extract(tier_assignments.now, '$.policy_version_id')"
    return "CAST(tier_assignments.now ->> 'policy_version_id' AS BIGINT)"


def _object(dialect: str) -> str:
    """A staged record as one JSON object."""
    parts = ["'policy_version_id', s.policy_version_id", "'run_id', s.run_id"]
    if dialect == "sqlite":
        parts += [f"'{name}', json(s.{name})" for name in RECORD]
        return f"json_object({', '.join(parts)})"
    parts += [f"'{name}', s.{name}::jsonb" for name in RECORD]
    return f"jsonb_build_object({', '.join(parts)})"
