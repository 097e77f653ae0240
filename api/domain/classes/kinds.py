"""How each kind of classification is read from its document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from api.domain.classes.bands import Bands
from api.domain.classes.definitions import NO_VALUE, Kind
from api.domain.classes.lifecycle import MEASURES, STAGES, Lifecycle
from api.domain.classes.reading import Reading
from api.domain.classes.rfm_documents import read_rfm
from api.domain.classes.ruled import Rules
from api.domain.classes.shares import CumulativeShare
from api.domain.classes.statuses import KIND, allowed_next
from api.domain.classes.weighted import Weighted
from api.domain.fields import shown
from api.domain.scores import Score, parse_criteria
from api.errors import InvalidInput

__all__ = ["KINDS", "KindReader", "Reading"]

METHODS = ("thresholds", "quantiles", "jenks")


@dataclass(frozen=True)
class KindReader:
    """The entries a kind has beside those of all, and how they are read."""

    read: Callable[[Reading], Kind]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    of_values: tuple[str, ...] = ()
    transitions: Callable[[Reading], Mapping[str, tuple[str, ...]]] | None = None


def _read_shares(reading: Reading) -> Kind:
    shares: list[tuple[str, Fraction]] = []
    for place, (value, parts, path) in enumerate(reading.each_value()):
        if place == len(reading.values) - 1:
            reading.refuse(parts, "up_to", path, "the last value takes all others")
            break
        share = reading.share(parts, "up_to", path)
        if shares and share <= shares[-1][1]:
            raise InvalidInput(f"{path}.up_to: shares grow from value to value; this is not above "
                               f"{float(shares[-1][1]):g}.")  # fmt: skip
        shares.append((value.key, share))
    return CumulativeShare(reading.measure(), tuple(shares), reading.exponent)


def _read_bands(reading: Reading) -> Kind:
    method = reading.parts["method"]
    if method not in METHODS:
        raise InvalidInput(
            f"{reading.path}.method: known are {', '.join(METHODS)}, not {shown(method)}."
        )
    measure = reading.measure()
    entry = {"thresholds": "at_least", "quantiles": "top"}.get(method)
    bounds: list[float] = []
    for place, (_, parts, path) in enumerate(reading.each_value()):
        last = place == len(reading.values) - 1
        for name in ("at_least", "top"):
            if name != entry or last:
                why = "the last value takes all below" if last else f"{method} do not take it"
                reading.refuse(parts, name, path, why)
        if entry is None or last:
            continue
        if entry == "top":
            bound = float(reading.share(parts, entry, path))
            if bounds and bound <= bounds[-1]:
                raise InvalidInput(f"{path}.top: shares grow from value to value.")
        else:
            bound = reading.amount(parts, entry, measure, path)
            if bounds and bound >= bounds[-1]:
                raise InvalidInput(f"{path}.at_least: thresholds stand from highest to lowest.")
        bounds.append(bound)
    keys = tuple(each.key for each in reading.values)
    return Bands(measure, method, keys, tuple(bounds), reading.exponent)


def _read_weighted(reading: Reading) -> Kind:
    path = f"{reading.path}.criteria"
    criteria, ranked = reading.criteria()
    parsed = parse_criteria(criteria, reading.fields, reading.exponent, path)
    bounds: list[float] = []
    for place, (_, parts, inner) in enumerate(reading.each_value()):
        if place == len(reading.values) - 1:
            reading.refuse(parts, "at_least", inner, "the last value takes all below")
            break
        bound = reading.points(parts, "at_least", inner)
        if bounds and bound >= bounds[-1]:
            raise InvalidInput(f"{inner}.at_least: bounds stand from highest to lowest.")
        bounds.append(bound)
    name = reading.parts["name"]
    score = Score(reading.parts["key"], reading.bilingual(name), parsed)
    return Weighted(score, ranked, tuple(bounds))


def _read_rules(reading: Reading) -> Kind:
    rules, otherwise = [], NO_VALUE
    for place, (_, parts, path) in enumerate(reading.each_value()):
        if "when" in parts and "otherwise" in parts:
            raise InvalidInput(f"{path}: takes either `when` or `otherwise: true`.")
        if "otherwise" in parts:
            if parts["otherwise"] is not True or place != len(reading.values) - 1:
                raise InvalidInput(f"{path}.otherwise: is true, and stands at the last value.")
            otherwise = place
        elif "when" in parts:
            rules.append((place, reading.rule(parts["when"], f"{path}.when")))
        elif reading.parts["kind"] == "rules":
            raise InvalidInput(f"{path}: needs either `when` or `otherwise: true`.")
    return Rules(tuple(rules), otherwise)


def _read_by_hand(_reading: Reading) -> Kind:
    return Rules(())


def _transitions(reading: Reading) -> Mapping[str, tuple[str, ...]]:
    """By value, what it may become; a value that says nothing may become any other."""
    for _, parts, path in reading.each_value():
        following = parts.get("next", [])
        if not isinstance(following, list):
            raise InvalidInput(f"{path}.next: takes a list of values.")
        for place, each in enumerate(following):
            reading.place_of(each, f"{path}.next[{place}]")
    return {each.key: allowed_next(reading.parts, each.key) for each in reading.values}


def _read_lifecycle(reading: Reading) -> Kind:
    if tuple(each.key for each in reading.values) != STAGES:
        raise InvalidInput(
            f"{reading.path}.values: the stages of a lifecycle are, in this order, "
            f"{', '.join(STAGES)}."
        )
    parameters = {name: reading.positive(name) for name in LIFECYCLE_PARAMETERS
                  if name in reading.parts}  # fmt: skip
    for word in ("gaps", "horizons"):
        defaults = vars(Lifecycle)
        first, second = (
            parameters.get(f"{stage}_{word}", defaults[f"{stage}_{word}"])
            for stage in ("at_risk", "churned")
        )
        if first > second:
            raise InvalidInput(f"{reading.path}.at_risk_{word}: is above churned_{word}.")
    return Lifecycle(tuple(reading.fields[name] for name in MEASURES), **parameters)


LIFECYCLE_PARAMETERS = (
    "at_risk_gaps",
    "at_risk_horizons",
    "churned_gaps",
    "churned_horizons",
    "loyal_orders",
    "loyal_tenure_days",
)
KINDS: Mapping[str, KindReader] = {
    "rfm": KindReader(read_rfm, ("recency", "frequency", "monetary", "table")),
    "cumulative_share": KindReader(_read_shares, ("measure",), ("window_days",), ("up_to",)),
    "bands": KindReader(_read_bands, ("measure", "method"), ("window_days",), ("at_least", "top")),
    "weighted": KindReader(_read_weighted, ("criteria",), (), ("at_least",)),
    "rules": KindReader(_read_rules, (), (), ("when", "otherwise")),
    "by_hand": KindReader(_read_by_hand),
    KIND: KindReader(_read_rules, (), (), ("when", "otherwise", "next"), _transitions),
    "lifecycle": KindReader(_read_lifecycle, (), LIFECYCLE_PARAMETERS),
}
"""By name; `status` is set by people along its transitions, its rules say where it begins."""
