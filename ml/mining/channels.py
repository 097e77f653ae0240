"""By which channel to reach each customer: how they come to us, and what they answer.

A customer's own share of contacts and rate of answers are shrunk towards everybody's, so that one
contact does not decide, and recent contacts weigh more. Both are shares that add up to 1 over the
channels; the score is their mean, weighted by how much is known of either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.backends import connect
from ml.contracts import DAY, day_of
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.mining.baskets import Ints
from ml.mining.product_sql import KNOWN_SQL
from ml.sample import Floats

Texts = npt.NDArray[np.str_]
ANSWER_DAYS = 14
"""A contact by the customer within so many days of ours counts as the answer to it."""
PRIOR_CONTACTS = 3.0
"""Everybody's shares and rates weigh as much as so many recent contacts of one's own."""
PERMILLE = ((91, 1000), (182, 707), (365, 500), (730, 250))
"""Weights of contacts up to so many days old, in thousandths; older ones weigh OLDEST."""
OLDEST = 63
MOST_CHANNELS = 12
"""The channels with most contacts; others are too rare to choose."""
SCHEMA = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("rank", pa.int64()),
        ("channel", pa.string()),
        ("score", pa.float64()),
        ("evidence", pa.string()),
    ]
)


def contacts_sql() -> str:
    """One row per customer and channel: contacts of either direction, plain and weighted.

    `sent` leaves out what may still be answered; `waited` is the sum of seconds to the answers.
    """
    days = "CAST(floor((c.cutoff - 1 - x.occurred_at) / 86400) AS BIGINT)"
    steps = " ".join(f"WHEN {days} < {limit} THEN {weight}" for limit, weight in PERMILLE)
    return f"""WITH x AS (
    SELECT x.interaction_id, x.customer_id, x.occurred_at, x.channel, x.direction,
        x.response_seconds, c.cutoff, CASE {steps} ELSE {OLDEST} END AS weight
    FROM interactions x JOIN cutoffs c ON x.occurred_at < c.cutoff
    WHERE x.channel IS NOT NULL
),
answers AS (
    SELECT o.interaction_id, min(i.occurred_at - o.occurred_at) AS waited
    FROM x o JOIN x i ON i.customer_id = o.customer_id AND i.occurred_at > o.occurred_at
        AND i.occurred_at <= o.occurred_at + {ANSWER_DAYS * DAY}
    WHERE o.direction = 'outbound' AND i.direction = 'inbound'
    GROUP BY o.interaction_id
),
known AS (
    SELECT x.customer_id, x.channel, x.direction, x.weight,
        CASE WHEN x.direction = 'outbound'
            THEN coalesce(x.response_seconds, answers.waited) END AS waited,
        CASE WHEN x.direction = 'outbound' AND (x.response_seconds IS NOT NULL
            OR answers.waited IS NOT NULL OR x.occurred_at < x.cutoff - {ANSWER_DAYS * DAY})
            THEN 1 ELSE 0 END AS judged
    FROM x LEFT JOIN answers ON answers.interaction_id = x.interaction_id
)
SELECT customer_id, channel,
    CAST(sum(CASE WHEN direction = 'inbound' THEN 1 ELSE 0 END) AS BIGINT) AS inbound,
    CAST(sum(CASE WHEN direction = 'inbound' THEN weight ELSE 0 END) AS BIGINT) AS inbound_weight,
    CAST(sum(judged) AS BIGINT) AS sent,
    CAST(sum(judged * weight) AS BIGINT) AS sent_weight,
    count(waited) AS answered,
    CAST(sum(CASE WHEN waited IS NOT NULL THEN weight ELSE 0 END) AS BIGINT) AS answered_weight,
    CAST(coalesce(sum(waited), 0) AS BIGINT) AS waited
FROM known GROUP BY customer_id, channel ORDER BY customer_id, channel
"""


@dataclass(frozen=True)
class _Contacts:
    """Customers times channels; the `*_weight` arrays in recent contacts."""

    inbound: Floats
    inbound_weight: Floats
    sent: Floats
    sent_weight: Floats
    answered: Floats
    answered_weight: Floats
    waited: Floats

    @classmethod
    def of(cls, table: pa.Table, customers: Ints, channels: Texts) -> Self:
        row = np.searchsorted(customers, table["customer_id"].to_numpy())
        column = np.searchsorted(channels, _texts(table))
        arrays = {}
        for name in cls.__dataclass_fields__:
            values = np.zeros((len(customers), len(channels)))
            values[row, column] = table[name].to_numpy()
            arrays[name] = values / 1000.0 if name.endswith("_weight") else values
        return cls(**arrays)


def preferred_channels(
    store: Path | FactStore, *, cutoff: int, top: int = 3, threads: int = 1
) -> pa.Table:
    """The best channels of everyone known at the cut-off, best first, in columns of `SCHEMA`.

    `evidence` is a JSON object `{"code", "params"}` (texts: `ml.mining.texts`); the code "usual"
    says that nothing is known of this customer and the channel is everybody's best.

    Raises:
        NotEnoughHistory: there are no contacts before the cut-off.
    """
    facts = store if isinstance(store, FactStore) else FactStore(store)
    with connect(threads) as backend:
        backend.open(facts)
        backend.cut([cutoff])
        table = backend.query(contacts_sql())
        known = backend.query(KNOWN_SQL)["customer_id"].to_numpy()
        if table.num_rows == 0:
            raise NotEnoughHistory(
                f"No contacts known up to {day_of(cutoff - 1, backend.time_zone)}: "
                "import interactions, or choose a later day."
            )
    channels, customers = _most_used(table), np.union1d(known, table["customer_id"].to_numpy())
    table = table.filter(pc.is_in(table["channel"], pa.array(channels.tolist(), pa.string())))
    seen = _Contacts.of(table, customers, channels)
    score = np.round(_scores(seen), 6)
    order = np.argsort(-score, axis=1, kind="stable")[:, :top]
    rows = np.repeat(np.arange(len(customers)), order.shape[1])
    places = order.ravel()
    return pa.table(
        [
            customers[rows],
            np.tile(np.arange(1, order.shape[1] + 1), len(customers)),
            pa.array(channels[places].tolist(), pa.string()),
            score[rows, places],
            [
                _evidence(seen, row, place)
                for row, place in zip(rows.tolist(), places.tolist(), strict=True)
            ],
        ],
        schema=SCHEMA,
    )


def _most_used(table: pa.Table) -> Texts:
    names, place = np.unique(_texts(table), return_inverse=True)
    contacts = pc.add(table["inbound"], table["sent"]).to_numpy()
    used = np.bincount(place.ravel(), contacts, len(names))
    return np.sort(names[np.argsort(-used, kind="stable")[:MOST_CHANNELS]])


def _texts(table: pa.Table) -> Texts:
    return np.array(table["channel"].to_pylist(), dtype=np.str_)


def _scores(seen: _Contacts) -> Floats:
    """Customers times channels; rows add up to 1."""
    kinds = seen.inbound.shape[1]
    total = seen.inbound_weight.sum()
    everybody = (seen.inbound_weight.sum(axis=0) + 1.0 / kinds) / (total + 1.0)
    own = seen.inbound_weight.sum(axis=1, keepdims=True)
    comes = (seen.inbound_weight + PRIOR_CONTACTS * everybody) / (own + PRIOR_CONTACTS)
    sent, answered = seen.sent_weight.sum(axis=0), seen.answered_weight.sum(axis=0)
    overall = (answered.sum() + 0.5) / (sent.sum() + 1.0)
    rate = (answered + PRIOR_CONTACTS * overall) / (sent + PRIOR_CONTACTS)
    answers = (seen.answered_weight + PRIOR_CONTACTS * rate) / (seen.sent_weight + PRIOR_CONTACTS)
    answers = answers / answers.sum(axis=1, keepdims=True)
    if sent.sum() == 0:
        return np.asarray(comes, np.float64)
    if total == 0:
        return np.asarray(answers, np.float64)
    told = seen.sent_weight.sum(axis=1, keepdims=True)
    weight = (own + PRIOR_CONTACTS) / (own + told + 2.0 * PRIOR_CONTACTS)
    return np.asarray(weight * comes + (1.0 - weight) * answers, np.float64)


def _evidence(seen: _Contacts, row: int, place: int) -> str:
    """What of the customer's own contacts speaks most about a channel."""
    inbound, sent = int(seen.inbound[row, place]), int(seen.sent[row, place])
    answered = int(seen.answered[row, place])
    params: dict[str, float]
    if inbound >= max(answered, 1):
        contacts = int(seen.inbound[row].sum())
        code, params = "comes_by", {"inbound": inbound, "contacts": contacts}
    elif answered:
        hours = round(float(seen.waited[row, place]) / 3600.0 / answered, 1)
        code, params = "answers", {"answered": answered, "sent": sent, "hours": hours}
    elif sent:
        code, params = "never_answered", {"sent": sent}
    else:
        code, params = "usual", {}
    return json.dumps({"code": code, "params": params})
