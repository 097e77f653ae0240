"""Why a tier was decided: the pieces of its reasons, for everyone at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from api.domain.conditions import Mask
from api.domain.policies import Rung
from api.domain.reasons import Piece, condition_reason, json_of, met, reason
from api.domain.rules import EVERYONE, fields_of
from api.domain.tiers.standings import FREE, MINIMUM_STAY, NOT_EVALUATED, WATCHED

if TYPE_CHECKING:
    from api.domain.tiers.decisions import Ladder, TierDecisions


def tier_reasons(decisions: TierDecisions) -> list[Piece]:
    """What speaks for each customer's tier, first what holds it against the measures."""
    pieces = [
        *_override_pieces(decisions),
        *_fallback_pieces(decisions),
        *_state_pieces(decisions),
    ]
    for ladder in decisions.ladders:
        pieces += _branch_pieces(decisions, ladder)
        for rung in ladder.rungs:
            pieces += _rung_pieces(decisions, rung, decisions.decided & ladder.where)
        if not ladder.fallback:
            pieces += _contribution_pieces(decisions, ladder)
    below = decisions.decided & (decisions.moves.place == len(decisions.policy.tiers))
    return [*pieces, reason(below, "tier.below_lowest")]


def _override_pieces(decisions: TierDecisions) -> Iterator[Piece]:
    if decisions.overrides is not None:
        texts = (
            '{"code":"tier.override","params":{"until":',
            ',"tier":',
            "}}",
        )
        yield Piece(decisions.overrides.where, texts, ("_override_until", "_policy_tier"))


def _fallback_pieces(decisions: TierDecisions) -> list[Piece]:
    behind = [ladder.where for ladder in decisions.ladders if ladder.fallback]
    unusable = decisions.decided & np.logical_or.reduce(behind)
    return [
        reason(unusable & decisions.stale, "tier.fallback_stale_prediction"),
        reason(unusable & ~decisions.stale, "tier.fallback_no_prediction"),
    ]


def _state_pieces(decisions: TierDecisions) -> Iterator[Piece]:
    state = np.where(decisions.decided, decisions.moves.state, FREE)
    for name, column, label in (
        (WATCHED, "_watch_since", "since"),
        (MINIMUM_STAY, "_stood_since", "since"),
    ):
        held = (f'{{"code":"tier.{name}","params":{{"{label}":', ',"until":', "}}")
        yield Piece(state == name, held, (column, "_until"))
    texts = ('{"code":"tier.not_evaluated","params":{"on":', "}}")
    yield Piece(state == NOT_EVALUATED, texts, ("_stood_evaluated_on",))
    free = decisions.decided & (state == FREE) & decisions.stands
    yield reason(free & (decisions.plain < decisions.moves.place), "tier.enter_band")


def _branch_pieces(decisions: TierDecisions, ladder: Ladder) -> list[Piece]:
    if ladder.branch.rule == EVERYONE:
        return []
    found = met(ladder.branch.rule, decisions.masks, decisions.decided & ladder.where)
    return [condition_reason("tier.chosen_by", each) for each in found]


def _rung_pieces(decisions: TierDecisions, rung: Rung, where: Mask) -> list[Piece]:
    scope = where & (decisions.moves.place == rung.tier.place)
    if rung.otherwise:
        return [
            reason(scope & (decisions.plain >= decisions.moves.place), "tier.otherwise"),
            *_remark_pieces(decisions, rung, scope),
        ]
    holds = scope & decisions.masks.of(rung.rule)
    banded = scope & ~holds & decisions.masks.of(rung.keep)
    fallen = scope & ~holds & ~banded & (decisions.moves.state == FREE)
    waits = scope & ~holds & ~banded & ~fallen
    found = met(rung.rule, decisions.masks, holds)
    missed = met(rung.keep, decisions.masks, waits, holds=False) if waits.any() else []
    kept = met(rung.keep, decisions.masks, banded) if banded.any() else []
    return [
        *(condition_reason("tier.condition_met", each) for each in found),
        *(condition_reason("tier.kept_by_band", each) for each in kept),
        *(condition_reason("tier.missed", each) for each in missed),
        reason(fallen, "tier.one_level_down"),
        *_remark_pieces(decisions, rung, scope),
    ]


def _remark_pieces(decisions: TierDecisions, rung: Rung, scope: Mask) -> Iterator[Piece]:
    for remark in rung.tier.remarks:
        found = met(remark.rule, decisions.masks, scope & decisions.masks.of(remark.rule))
        yield from (condition_reason(f"tier.{remark.key}", each) for each in found)


def _contribution_pieces(decisions: TierDecisions, ladder: Ladder) -> Iterator[Piece]:
    """What each criterion brings to the scores that the ladder reads."""
    read = fields_of(*(rung.rule for rung in ladder.rungs))
    where = ladder.where & decisions.decided
    for score in ladder.branch.scores:
        if f"score.{score.key}" not in read:
            continue
        columns = decisions.masks.columns
        parts, most = score.contributions(columns), score.most_points(columns)
        for criterion in score.criteria:
            name = f"_{ladder.branch.key}.{score.key}.{criterion.key}"
            decisions.sources.add(name, np.round(parts[criterion.key], 2))
            decisions.sources.add(f"{name}.most", np.round(most[criterion.key], 2))
            opening = (
                f'{{"code":"tier.contribution","params":{{"score":{json_of(score.key)},'
                f'"field":{json_of(criterion.field.name)},"points":'
            )
            texts = (opening, ',"most":', ',"value":', "}}")
            yield Piece(where, texts, (name, f"{name}.most", criterion.field.name))
