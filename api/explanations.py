"""Explain one customer's tier on a day: the use case behind `echelon explain`."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine

from api.db.decisions import read_decision
from api.db.installation import read_installation
from api.db.known_fields import read_known_fields
from api.db.overrides import find_customer
from api.domain.money import exponent_of
from api.domain.texts import Language
from api.domain.texts.explanations import Words, summary
from api.domain.tiers.explanations import Explanation
from api.domain.tiers.statements import statement
from api.errors import NotFound
from ml.mining.texts import actions_text


def explain_customer(
    engine: Engine, external_id: str, as_of: dt.date | None, language: Language
) -> Words:
    """The decision that held at the end of a day, by default the present one.

    Raises:
        NotFound: there is no such customer, or nothing was decided about them by then.
    """
    installation = read_installation(engine)
    with engine.connect() as connection:
        find_customer(connection, external_id, None)
        stored = read_decision(connection, external_id, as_of)
    if stored is None:
        raise NotFound(
            f"No tier was decided for this customer {f'by {as_of}' if as_of else 'yet'}. "
            "Decide: echelon refresh"
        )
    explanation = Explanation(
        stored,
        as_of or stored.run.as_of,
        exponent_of(installation.base_currency),
        read_known_fields(engine),
    )
    return Words(explanation, language, installation.base_currency, _actions)


def _actions(actions: tuple[str, ...], language: Language) -> str:
    return actions_text(actions, "en" if language == "en" else "zh")


def as_lines(words: Words) -> list[str]:
    """The explanation for a terminal."""
    lines: list[str] = []
    for title, entries in summary(words):
        if entries or not lines:
            lines.append(title)
            lines += [f"  {entry}" for entry in entries]
    return [*lines, "", statement(words)]


def as_document(words: Words) -> dict[str, Any]:
    """The explanation for machines; amounts in minor units, texts in the reader's language."""
    explanation, stored = words.explanation, words.explanation.stored
    by_hand = stored.override
    return {
        "customer": stored.customer,
        "asOf": explanation.as_of.isoformat(),
        "tier": stored.tier,
        "since": stored.since.isoformat(),
        "until": stored.until and stored.until.isoformat(),
        "reasons": _told(stored.reasons, [*words.reasons(), *words.contributions()]),
        "measures": {field.name: value for field, value in explanation.measures},
        "contributions": list(explanation.contributions),
        "gapToNextTier": stored.gap,
        "marginToLower": stored.margin,
        "held": explanation.held,
        "override": by_hand
        and {
            "tier": by_hand.tier,
            "reason": by_hand.reason,
            "author": by_hand.author,
            "expiresOn": by_hand.expires_on.isoformat(),
        },
        "policy": {"key": stored.policy.key, "version": stored.policy.version}
        | {"name": explanation.policy.document.name.text(words.language)},
        "models": list(stored.run.models),
        "run": {"id": stored.run.id, "asOf": stored.run.as_of.isoformat()}
        | {"publishedAt": stored.run.published_at.isoformat()},
        "replay": {"tier": explanation.replayed, "equal": not explanation.flaws}
        | {"flaws": list(explanation.flaws)},
        "changes": [
            {"field": each.field.name, "current": each.current, "needed": each.needed}
            | {"tier": each.tier, "text": words.change(each)}
            for each in explanation.changes
        ],
        "actions": [
            {"actions": list(each.hint.actions), "before": each.hint.before}
            | {"after": each.hint.after, "tier": each.tier, "text": words.effect(each)}
            for each in explanation.effects
        ],
        "statement": statement(words),
    }


def _told(reasons: Any, texts: list[str]) -> list[dict[str, Any]]:
    """Reasons with their sentences; what scores are made of stands last."""
    ordered = sorted(reasons, key=lambda each: each["code"] == "tier.contribution")
    return [{**each, "text": text} for each, text in zip(ordered, texts, strict=True)]
