"""A simulation as a JSON document: for machines, files, and between processes.

Amounts are whole minor units of the base currency; null where they are not known of anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from api.domain.simulation import Edge, Sums
from api.domain.simulation.flapping import Flapping
from api.simulation import AttributeDisparity, Restlessness, SimulationReport

Json = dict[str, Any]


def simulation_document(report: SimulationReport) -> Json:
    matrix, policy = report.matrix, report.policy.document
    return {
        "asOf": report.as_of.isoformat(),
        "sampled": report.sampled,
        "policy": {"key": policy.key, "name": {"en": policy.name.en, "zh": policy.name.zh}},
        "present": {"key": report.present_key, "version": report.present_version},
        "customers": matrix.customers,
        "moved": _sums(matrix.moved),
        "promoted": _sums(matrix.promoted),
        "demoted": _sums(matrix.demoted),
        "moves": [
            {"fromTier": move.before, "toTier": move.after, **_sums(move.sums)}
            for move in matrix.moves
        ],
        "tiers": [
            {"tier": each.tier, "before": _sums(each.before), "after": _sums(each.after)}
            for each in matrix.tiers
        ],
        "edges": [_edge(each, report.names) for each in report.edges],
        "flapping": report.restlessness and _restlessness(report.restlessness),
        "bestTiers": list(report.best_tiers),
        "disparity": [_disparity(each) for each in report.disparity],
    }


def _sums(sums: Sums) -> Json:
    return {
        "customers": sums.customers,
        "revenueMinor": sums.revenue_minor,
        "marginMinor": sums.margin_minor,
        "clvMinor": sums.clv_minor,
        "serviceCostMinor": sums.service_cost_minor,
    }


def _edge(edge: Edge, names: Mapping[int, str]) -> Json:
    return {
        "tier": edge.tier,
        **{
            side: [{"customer": names[row], "distance": distance} for row, distance in rows]
            for side, rows in (("above", edge.above), ("below", edge.below))
        },
    }


def _restlessness(found: Restlessness) -> Json:
    return {
        "months": found.new.months,
        "customers": found.customers,
        "new": _flapping(found.new),
        "naive": _flapping(found.naive),
        "present": _flapping(found.present),
    }


def _flapping(found: Flapping) -> Json:
    return {
        "flaps": found.flaps,
        "changes": found.changes,
        "customerMonths": found.customer_months,
        "flapRate": found.flap_rate,
        "changeRate": found.change_rate,
    }


def _disparity(found: AttributeDisparity) -> Json:
    field = found.attribute
    groups = [asdict(group) for group in found.groups]
    names = {
        "group": "group",
        "customers": "customers",
        "share_before": "shareBefore",
        "share_after": "shareAfter",
        "ratio_before": "ratioBefore",
        "ratio_after": "ratioAfter",
        "flagged": "flagged",
    }
    return {
        "attribute": field.attribute,
        "label": {"en": field.label_en, "zh": field.label_zh},
        "groups": [{ours: group[theirs] for theirs, ours in names.items()} for group in groups],
    }
