"""Stored reasons as sentences in one text, for files that people open."""

from __future__ import annotations

import json

from ml.features import Language, reason_text


def sentences(reasons: str, language: Language = "en", currency_exponent: int = 2) -> str:
    """The sentences of a JSON list of reasons (`ml.contracts.PREDICTION_COLUMNS`), strongest
    first, parted by "; "; empty where there is no reason."""
    return "; ".join(
        reason_text(each["code"], each["value"], language, currency_exponent)
        for each in json.loads(reasons)
    )
