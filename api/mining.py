"""What `echelon mine` finds in the business's facts, under the names of its own systems.

Everything heavy is imported inside the functions, so that help and small commands stay quick.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Engine

from api.db.champions import list_known
from api.db.facts import sync_facts
from api.db.installation import read_installation
from api.db.mining import (
    Division,
    customer_id_of,
    customer_names,
    members_of,
    product_names,
    published_as_of,
)
from api.errors import InvalidInput, NotReady
from api.promotions import model_files
from api.settings import Settings
from ml.contracts import cutoff_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ml.churn import ChurnModel
    from ml.groups import Groups
    from ml.product_evaluation import Judged
    from ml.sample import Sample

Language = Literal["en", "zh"]
Row = dict[str, Any]
BY: tuple[Division | Literal["group"], ...] = ("group", "tier", "segment", "lifecycle")


@dataclass(frozen=True)
class Mine:
    """The facts up to the end of a day, in the reader's language; one customer or everybody."""

    engine: Engine
    settings: Settings
    day: dt.date
    cutoff: int
    currency_exponent: int
    language: Language
    customer_id: int | None

    @property
    def _threads(self) -> int:
        return self.settings.max_threads

    @cached_property
    def _names(self) -> dict[int, str]:
        return customer_names(self.engine)

    @cached_property
    def _products(self) -> dict[int, tuple[str, str]]:
        return product_names(self.engine)

    def products(self, *, top: int, only_new: bool, exclude_days: float) -> list[Row]:
        from ml.products import recommend_products

        table = recommend_products(
            self.settings.fact_store,
            cutoff=self.cutoff,
            top=top,
            scope="new" if only_new else "all",
            exclude_days=exclude_days,
            threads=self._threads,
        )
        return [
            {
                "customer": self._names[row["customer_id"]],
                "rank": row["rank"],
                "product": self._products[row["product_id"]][0],
                "name": self._products[row["product_id"]][1],
                "probability": row["score"],
                "reason": self._text(row["reason"]),
            }
            for row in self._rows(table)
        ]

    def judge_products(self, *, exclude_days: float) -> tuple[Judged, ...]:
        """The recommendations of four weeks ago, held against what was bought since."""
        from ml.product_evaluation import evaluate_recommendations

        return evaluate_recommendations(
            self.settings.fact_store,
            cutoff=self.cutoff,
            exclude_days=exclude_days,
            threads=self._threads,
        )

    def channels(self, *, top: int) -> list[Row]:
        from ml.channels import preferred_channels

        table = preferred_channels(
            self.settings.fact_store, cutoff=self.cutoff, top=top, threads=self._threads
        )
        return [
            {
                "customer": self._names[row["customer_id"]],
                "rank": row["rank"],
                "channel": row["channel"],
                "score": row["score"],
                "evidence": self._text(row["evidence"]),
            }
            for row in self._rows(table)
        ]

    def groups(self, *, count: int | None, seed: int) -> Groups:
        """Groups that carry on from the previous run's, which are kept beside the facts."""
        from ml.groups import find_groups

        kept = _Kept(self.settings.fact_store.parent / "groups.json")
        found = find_groups(
            self.settings.fact_store,
            cutoff=self.cutoff,
            seed=seed,
            previous=kept.read(),
            count=count,
            threads=self._threads,
        )
        kept.write(found)
        return found

    def group_rows(self, found: Groups) -> list[Row]:
        """Each customer's group."""
        named = {group.key: group.name(self.language) for group in found.groups}
        ids = found.members if self.customer_id is None else [self.customer_id]
        return [
            {
                "customer": self._names[each],
                "group": found.members[each],
                "name": named.get(found.members[each], found.members[each]),
            }
            for each in ids
            if each in found.members
        ]

    def hints(self, *, threshold: float) -> list[Row]:
        from ml.hints import hints
        from ml.mining_texts import actions_text

        model, sample = self._model_and_sample()
        return [
            {
                "customer": self._names[hint.customer_id],
                "actions": list(hint.actions),
                "hint": actions_text(hint.actions, self.language),
                "before": round(hint.before, 6),
                "after": round(hint.after, 6),
            }
            for hint in hints(model, sample, threshold=threshold)
            if self.customer_id in (None, hint.customer_id)
        ]

    def drivers(self, by: Division | Literal["group"], *, top: int) -> list[Row]:
        """What drives churn in each part of the customers more than in the rest."""
        import numpy as np

        from ml.drivers import drivers

        model, sample = self._model_and_sample()
        extended = model.habit.extend(sample, model.horizon_days)
        members = {key: np.isin(sample.customer_id, ids) for key, ids in self._members(by).items()}
        found = drivers(
            model.effects(extended), model.codes, extended.matrix(model.codes), members, top
        )
        return [
            {
                by: segment.segment,
                "customers": segment.customers,
                "feature": driver.code,
                "label": driver.label(self.language),
                "strength": driver.strength,
                "effect": driver.effect,
                "inside": driver.inside,
                "outside": driver.outside,
                "text": driver.text(self.language, self.currency_exponent),
            }
            for segment in found
            for driver in segment.drivers
        ]

    def differences(
        self, by: Division | Literal["group"], ours: str, theirs: str | None, *, what: str, top: int
    ) -> list[Row]:
        """What sets one part of the customers apart from another, or from all others."""
        import numpy as np

        from ml.differences import differences

        if what not in ("department", "brand", "product"):
            raise InvalidInput(f"--what is department, brand or product, not {what!r}.")
        members = self._members(by)
        for key in filter(None, (ours, theirs)):
            if key not in members:
                known = ", ".join(members) or "none yet"
                raise InvalidInput(f"There is no {by} {key!r}. There are: {known}.")
        inside = np.array(members[ours], np.int64)
        others = members[theirs] if theirs else list(self._names)
        found = differences(
            self.settings.fact_store,
            cutoff=self.cutoff,
            inside=inside,
            outside=np.array(others, np.int64),
            what=what,  # type: ignore[arg-type]
            top=top,
            threads=self._threads,
        )
        return [
            {
                what: self._products[each.value][1] if isinstance(each.value, int) else each.value,
                "share": each.support_inside,
                "share_of_others": each.support_outside,
                "lift": each.lift,
                "z": each.z,
            }
            for each in found
        ]

    def _members(self, by: Division | Literal["group"]) -> Mapping[str, Sequence[int]]:
        if by not in BY:
            raise InvalidInput(f"--by is one of {', '.join(BY)}, not {by!r}.")
        if by != "group":
            return members_of(self.engine, by)
        found: dict[str, list[int]] = {}
        for customer, key in self.groups(count=None, seed=0).members.items():
            found.setdefault(key, []).append(customer)
        return dict(sorted(found.items()))

    def _model_and_sample(self) -> tuple[ChurnModel, Sample]:
        """The churn champion, and the buyers as it sees them."""
        from ml.artefacts import CHAMPION
        from ml.backends import connect
        from ml.churn import ChurnModel
        from ml.facts import FactStore
        from ml.sample import sample_at

        known = [each for each in list_known(self.engine) if each.champion and each.name == "churn"]
        if not known:
            raise NotReady("There is no churn champion yet. Train one: echelon train churn")
        folder = model_files(self.settings, known[0])
        model = ChurnModel.load(folder, CHAMPION, known[0].files, self._threads)
        with connect(self._threads) as backend:
            backend.open(FactStore(self.settings.fact_store))
            return model, sample_at(backend, model.attributes, [self.cutoff])

    def _rows(self, table: pa.Table) -> list[Row]:
        import pyarrow.compute as pc

        if self.customer_id is not None:
            table = table.filter(pc.equal(table["customer_id"], self.customer_id))
        rows: list[Row] = table.to_pylist()
        return rows

    def _text(self, reason: str) -> str:
        from ml.mining_texts import mining_text

        found = json.loads(reason)
        params = dict(found["params"])
        if "product_id" in params:
            params["product"] = self._products[params.pop("product_id")][1]
        return mining_text(found["code"], params, self.language)


@dataclass(frozen=True)
class _Kept:
    """The groups of the last run, so that the next one carries on from them."""

    path: Path

    def read(self) -> Groups | None:
        from ml.groups import Groups

        if not self.path.exists():
            return None
        document = json.loads(self.path.read_text("utf-8"))
        members = {int(each): str(key) for each, key in document.pop("members").items()}
        return Groups.from_document(document, members)

    def write(self, found: Groups) -> None:
        document = {**found.to_document(), "members": dict(found.members)}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(document, allow_nan=False), "utf-8")
        fresh.replace(self.path)


def open_mine(
    engine: Engine,
    settings: Settings,
    *,
    as_of: dt.date | None,
    customer: str | None,
    language: Language,
    clock: Callable[[], dt.datetime],
) -> Mine:
    """The facts as of a day: the one asked for, else the last refresh's, else the last whole one.

    Raises:
        NotFound: there is no customer of that external id.
    """
    from api.domain.money import exponent_of

    installation = read_installation(engine)
    day = installation.day_to_look_at(as_of or published_as_of(engine), clock())
    customer_id = None if customer is None else customer_id_of(engine, customer)
    sync_facts(engine, settings.resolved_database_url, settings.fact_store)
    return Mine(
        engine,
        settings,
        day,
        cutoff_of(day, installation.time_zone),
        exponent_of(installation.base_currency),
        language,
        customer_id,
    )
