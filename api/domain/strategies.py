"""Strategies: what the business may do for whom, ranked for each customer by expected net gain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, column_of, money_to_minor
from api.domain.documents import (
    KEY,
    LONGEST_DESCRIPTION,
    Bilingual,
    bilingual,
    description_of,
    entries,
    key_of,
    name_of,
    require_unique,
)
from api.domain.fields import FIELDS, Field, nearest, shown
from api.domain.reasons import JsonColumns, Texts, assemble, condition_reason, met, reason
from api.domain.reasons import Piece as JsonPiece
from api.domain.rules import EVERYONE, Masks, Rule, fields_of, parse_rule
from api.errors import InvalidInput

Action = Literal["call", "visit", "message", "email", "offer", "survey", "automate", "none"]
Share = Literal["clv", "clv_at_risk", "net_spend"]
MOST_STEPS = 10
REQUIRED = ("key", "name", "description", "steps", "when", "action", "owner_role", "due_days")
OPTIONAL = (
    "channel",
    "cost",
    "expected_gain",
    "min_gain",
    "cooldown_days",
    "consent_purpose",
    "conflict_group",
)
CHUNK = 100_000
"""Customers ranked at a time: keeps the table of gains small however many there are."""
NOT_FOR_THEM = np.iinfo(np.int64).min


@dataclass(frozen=True)
class ExpectedGain:
    """What acting brings: a rate of some amount. `source` says where the rate comes from."""

    share_of: Share
    rate: float
    source: Bilingual


@dataclass(frozen=True)
class Strategy:
    key: str
    name: Bilingual
    description: Bilingual
    steps: tuple[Bilingual, ...]
    rule: Rule
    action: Action
    channel: str | None
    owner_role: str
    due_days: int
    cost_minor: int
    expected_gain: ExpectedGain | None
    """None: it is done for other reasons than money, and counts as bringing nothing."""
    min_gain_minor: int
    """Not recommended where the expected gain net of cost is below this."""
    cooldown_days: int
    consent_purpose: str | None
    conflict_group: str | None
    """Of strategies in one group a customer gets the best one."""


def parse_strategy(
    document: object,
    exponent: int,
    fields: Mapping[str, Field] = FIELDS,
    path: str = "strategy",
) -> Strategy:
    """Read a strategy; amounts in the document are in major units.

    Raises:
        InvalidInput: names the path and the way out.
    """
    parts = entries(
        document,
        path,
        REQUIRED,
        OPTIONAL,
    )
    return Strategy(
        key=key_of(parts, path),
        name=name_of(parts, path),
        description=description_of(parts, path),
        steps=_steps(parts["steps"], f"{path}.steps"),
        rule=parse_rule(parts["when"], fields, exponent, f"{path}.when"),
        action=cast(Action, _one_of(parts["action"], get_args(Action), f"{path}.action")),
        channel=_word(parts.get("channel"), f"{path}.channel"),
        owner_role=_word(parts["owner_role"], f"{path}.owner_role") or "",
        due_days=_days(parts["due_days"], f"{path}.due_days"),
        cost_minor=_amount(parts.get("cost", 0), exponent, f"{path}.cost"),
        expected_gain=_gain(parts.get("expected_gain"), f"{path}.expected_gain"),
        min_gain_minor=money_to_minor(parts.get("min_gain", 0), exponent, f"{path}.min_gain"),
        cooldown_days=_days(parts.get("cooldown_days", 0), f"{path}.cooldown_days"),
        consent_purpose=_word(parts.get("consent_purpose"), f"{path}.consent_purpose"),
        conflict_group=_word(parts.get("conflict_group"), f"{path}.conflict_group"),
    )


def parse_strategies(
    documents: Iterable[object], exponent: int, fields: Mapping[str, Field] = FIELDS
) -> tuple[Strategy, ...]:
    parsed = [
        parse_strategy(document, exponent, fields, f"strategies[{place}]")
        for place, document in enumerate(documents)
    ]
    require_unique([each.key for each in parsed], "strategies")
    return tuple(parsed)


def _steps(content: object, path: str) -> tuple[Bilingual, ...]:
    if not isinstance(content, list) or not 1 <= len(content) <= MOST_STEPS:
        raise InvalidInput(f"{path}: takes a list of 1 to {MOST_STEPS} steps.")
    return tuple(
        bilingual(each, f"{path}[{place}]", LONGEST_DESCRIPTION)
        for place, each in enumerate(content)
    )


def _one_of(value: object, known: Sequence[str], path: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    raise InvalidInput(f"{path}: {shown(value)} is unknown{nearest(value, known)}.")


def _word(value: object, path: str) -> str | None:
    if value is None or (isinstance(value, str) and KEY.fullmatch(value)):
        return value
    raise InvalidInput(f"{path}: takes a word in small letters, not {shown(value)}.")


def _days(value: object, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3650:
        return value
    raise InvalidInput(f"{path}: takes a number of days up to 3650, not {shown(value)}.")


def _amount(value: object, exponent: int, path: str) -> int:
    amount = money_to_minor(value, exponent, path)
    if amount < 0:
        raise InvalidInput(f"{path}: takes an amount of 0 or more, not {shown(value)}.")
    return amount


def _gain(content: object, path: str) -> ExpectedGain | None:
    if content is None:
        return None
    parts = entries(content, path, ("share_of", "rate", "source"))
    rate = parts["rate"]
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate <= 1:
        raise InvalidInput(f"{path}.rate: takes a number above 0, up to 1, not {shown(rate)}.")
    return ExpectedGain(
        cast(Share, _one_of(parts["share_of"], get_args(Share), f"{path}.share_of")),
        float(rate),
        bilingual(parts["source"], f"{path}.source", LONGEST_DESCRIPTION),
    )


@dataclass(frozen=True)
class Recommendations:
    """One row per recommendation, by customer (a row number of the columns), then by priority."""

    customer_index: npt.NDArray[np.int64]
    priority: npt.NDArray[np.int64]
    """1 is the first thing to do."""
    strategy_index: npt.NDArray[np.int64]
    expected_gain_minor: npt.NDArray[np.int64]
    """Net of the strategy's cost."""
    catalogue: tuple[Strategy, ...]
    columns: Columns

    @property
    def strategy_key(self) -> Texts:
        keys = np.array([strategy.key for strategy in self.catalogue] or [""], dtype=object)
        return cast(Texts, keys[self.strategy_index])

    def reasons_json(self) -> list[str]:
        """For each recommendation, a JSON list of reasons `{"code", "params"}`."""
        texts: Texts = np.full(len(self.priority), None, dtype=object)
        for place, strategy in enumerate(self.catalogue):
            rows = np.flatnonzero(self.strategy_index == place)
            if len(rows):
                texts[rows] = self._reasons_of(strategy, self.customer_index[rows])
        return cast("list[str]", texts.tolist())

    def _reasons_of(self, strategy: Strategy, customers: npt.NDArray[np.int64]) -> Texts:
        fields = fields_of(strategy.rule)
        needed = [name for name in self.columns if name.partition(".")[0] in fields] + [*fields]
        columns = {name: self.columns[name][customers] for name in needed if name in self.columns}
        columns["_size"] = customers
        masks = Masks(columns)
        where = np.ones(len(customers), dtype=bool)
        sources = JsonColumns(columns, fields)
        pieces = [
            condition_reason("strategy.condition_met", each)
            for each in met(strategy.rule, masks, where)
        ]
        if strategy.rule == EVERYONE:
            pieces.append(reason(where, "strategy.for_everyone"))
        if strategy.expected_gain is not None:
            base = _base(strategy.expected_gain.share_of, self.columns, customers)
            sources.add("_base", base, whole=True)
            pieces.append(_gain_piece(strategy, strategy.expected_gain, where))
        return assemble(pieces, where, sources, "[%s]")


def _gain_piece(strategy: Strategy, gain: ExpectedGain, where: npt.NDArray[np.bool_]) -> JsonPiece:
    code = "value_at_risk" if gain.share_of == "clv_at_risk" else f"share_of_{gain.share_of}"
    return JsonPiece(
        where,
        f'{{"code":"strategy.{code}","params":{{"amount":%s,"rate":{gain.rate!r},'
        f'"cost":{strategy.cost_minor}}}}}',
        ("_base",),
    )


def _base(share_of: Share, columns: Columns, rows: Any) -> npt.NDArray[np.float64]:
    """The amount a gain is a share of, in whole minor units; unknown or negative counts as 0."""
    name = "net_spend" if share_of == "net_spend" else "clv"
    amount = column_of(name, columns)[rows].astype(np.float64)
    if share_of == "clv_at_risk":
        amount = amount * column_of("churn_probability", columns)[rows]
    whole: npt.NDArray[np.float64] = np.rint(np.maximum(np.nan_to_num(amount, nan=0.0), 0.0))
    return whole


def recommend(catalogue: Iterable[Strategy], columns: Columns, limit: int) -> Recommendations:
    """The best strategies for each customer, at most `limit`, by expected gain net of cost.

    Equal gains are ordered with strategies for everyone last, then by key. Reads the columns of
    the rules, clv, churn_probability and net_spend.
    """
    ordered = tuple(sorted(catalogue, key=lambda each: (each.rule == EVERYONE, each.key)))
    size = len(next(iter(columns.values()))) if columns else 0
    masks = Masks(columns)
    applies = [masks.of(strategy.rule) for strategy in ordered]
    parts = []
    for start in range(0, size if ordered else 0, CHUNK):
        rows = slice(start, min(start + CHUNK, size))
        gains = np.stack(
            [
                _net_gains(strategy, mask[rows], columns, rows)
                for strategy, mask in zip(ordered, applies, strict=True)
            ]
        )
        _keep_best_of_groups(ordered, gains)
        parts.append(_ranked(gains, limit, start))
    customers, priorities, strategies, gain = (
        np.concatenate([part[place] for part in parts]) if parts else np.empty(0, dtype=np.int64)
        for place in range(4)
    )
    return Recommendations(customers, priorities, strategies, gain, ordered, columns)


def _net_gains(
    strategy: Strategy, applies: npt.NDArray[np.bool_], columns: Columns, rows: slice
) -> npt.NDArray[np.int64]:
    gross: npt.NDArray[np.int64] = np.zeros(len(applies), dtype=np.int64)
    if (gain := strategy.expected_gain) is not None:
        gross = np.rint(_base(gain.share_of, columns, rows) * gain.rate).astype(np.int64)
    net = gross - strategy.cost_minor
    return np.where(applies & (net >= strategy.min_gain_minor), net, NOT_FOR_THEM)


def _keep_best_of_groups(ordered: Sequence[Strategy], gains: npt.NDArray[np.int64]) -> None:
    groups: dict[str, list[int]] = {}
    for place, strategy in enumerate(ordered):
        if strategy.conflict_group is not None:
            groups.setdefault(strategy.conflict_group, []).append(place)
    for places in groups.values():
        best = np.argmax(gains[places], axis=0)
        for rank, place in enumerate(places):
            gains[place, best != rank] = NOT_FOR_THEM


def _ranked(
    gains: npt.NDArray[np.int64], limit: int, start: int
) -> tuple[npt.NDArray[np.int64], ...]:
    # ~x reverses the order of integers without the overflow that -x has at the lowest one.
    order = np.argsort(~gains, axis=0, kind="stable")[:limit]
    ranked = np.take_along_axis(gains, order, axis=0)
    customers, ranks = np.nonzero(ranked.T != NOT_FOR_THEM)
    return customers + start, ranks + 1, order[ranks, customers], ranked[ranks, customers]
