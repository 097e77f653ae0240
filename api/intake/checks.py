"""What one column can't tell: rules between the columns of a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from api.intake.columns import ATTRIBUTE_NAME
from api.intake.conversion import Batch, Setting
from api.intake.texts import is_missing, mask


def check(batch: Batch, setting: Setting) -> None:
    """Apply the rules of the batch's kind; may replace columns by what they mean together."""
    rule = _RULES.get(batch.kind.name)
    if rule is not None:
        rule(batch, setting)


def _scale_feedback(batch: Batch, _setting: Setting) -> None:
    """Bring a rating to 0..1, whatever the survey's scale was."""
    if "score" not in batch.columns:
        return
    score, low, high = (batch.columns[name] for name in ("score", "score_min", "score_max"))
    no_scale = mask(pc.greater_equal(low, high))
    batch.reject("score_max", no_scale, "is not above score_min")
    outside = mask(pc.or_(pc.less(score, low), pc.greater(score, high)))
    batch.reject(
        "score",
        outside & ~no_scale,
        lambda row: (
            f"{score[row].as_py():g} is not between score_min {low[row].as_py():g} "
            f"and score_max {high[row].as_py():g}"
        ),
    )
    width = pc.if_else(pa.array(no_scale), 1.0, pc.subtract(high, low))
    batch.columns["score"] = pc.divide(pc.subtract(score, low), width)


def _check_referral(batch: Batch, _setting: Setting) -> None:
    oneself = mask(pc.equal(batch.columns["referrer_id"], batch.columns["referred_id"]))
    batch.reject("referred_id", oneself, "is the referrer; nobody refers themselves")


def _check_rate(batch: Batch, setting: Setting) -> None:
    base = setting.rates.base_currency
    same = mask(pc.equal(batch.columns["currency"], base))
    batch.reject("currency", same, f"{base} is the base currency; its rate is always 1")


def _check_attribute_names(batch: Batch, _setting: Setting) -> None:
    names = batch.columns["name"]
    good = mask(pc.match_substring_regex(names, f"^{ATTRIBUTE_NAME.pattern}$"))
    bad = ~is_missing(names) & ~good
    batch.reject("name", bad, "must be up to 64 letters, digits, _ and -")


def _default_attribute_start(batch: Batch, _setting: Setting) -> None:
    known_at = batch.columns["known_at"]
    given = batch.columns.get("attributes_valid_from", known_at)
    batch.columns["attributes_valid_from"] = pc.coalesce(given, known_at)


def _fold_purposes(batch: Batch, _setting: Setting) -> None:
    """Whoever withdraws `Profiling` must not stay allowed as `profiling`."""
    for name in ("purpose", "channel"):
        batch.columns[name] = pc.utf8_lower(batch.columns[name])


def _check_line_numbers(batch: Batch, _setting: Setting) -> None:
    if "line_no" in batch.matched.fields:
        empty = is_missing(batch.columns["line_no"]) & batch.good
        batch.reject("line_no", empty, "is empty; number all lines, or leave the column out")


_RULES: Mapping[str, Callable[[Batch, Setting], None]] = {
    "feedback": _scale_feedback,
    "referrals": _check_referral,
    "exchange_rates": _check_rate,
    "attributes": _check_attribute_names,
    "order_lines": _check_line_numbers,
    "consents": _fold_purposes,
    "customers": _default_attribute_start,
}
