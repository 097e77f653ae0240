"""Where customers stood when a day began, by what refreshes of the days before had decided."""

from __future__ import annotations

import datetime as dt


def tiers_before(day: dt.date) -> str:
    """Stays that lasted when the day began, without what a refresh of the same day made of them.

    The SELECT, for either database, has `customer_id` in order, `tier_key` (null below the
    lowest), the `policy_key` they were last decided by, and as texts `since`, `watch_since` and
    `evaluated_on`. Tiers set by hand are left out: the policy did not give them, so nothing that
    keeps a tier may make them last beyond their last day.
    """
    states = ", ".join(
        f"CAST(CASE WHEN a.state_on >= '{day}' THEN a.{before} ELSE a.{name} END AS TEXT) AS {name}"
        for name, before in (("watch_since", "watch_before"), ("evaluated_on", "evaluated_before"))
    )
    return (
        "WITH run AS (SELECT r.as_of, r.published_at, p.key FROM refresh_runs r "
        "JOIN tier_policy_versions p ON p.id = r.policy_version_id "
        f"WHERE r.as_of < '{day}' ORDER BY r.id DESC LIMIT 1) "
        "SELECT a.customer_id, a.tier_key, run.key AS policy_key, CAST(a.since AS TEXT) AS since, "
        f"{states} FROM tier_assignments a CROSS JOIN run "
        f"WHERE a.since < '{day}' AND (a.ended_on IS NULL OR a.ended_on >= '{day}') "
        "AND NOT EXISTS (SELECT 1 FROM overrides o WHERE o.customer_id = a.customer_id "
        "AND o.kind = 'tier' AND o.value = a.tier_key AND o.created_at <= run.published_at "
        "AND o.starts_on <= run.as_of AND o.expires_on >= run.as_of "
        "AND (o.ended_on IS NULL OR o.ended_on > run.as_of OR o.ended_at > run.published_at)) "
        "ORDER BY a.customer_id"
    )
