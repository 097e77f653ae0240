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

from api.db.champions import ModelName, list_known
from api.db.facts import sync_facts
from api.db.installation import read_installation
from api.db.mining import (
    customer_id_of,
    customer_names,
    last_groups,
    product_names,
    published_as_of,
)
from api.errors import NotReady
from api.promotions import model_files
from api.settings import Settings
from ml.contracts import AttributeField, cutoff_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ml.churn import ChurnModel
    from ml.clv import ClvModel
    from ml.mining.groups import Groups
    from ml.mining.hints import Hint
    from ml.mining.product_evaluation import Judged
    from ml.sample import Sample

Language = Literal["en", "zh"]
Row = dict[str, Any]
EXCLUDE_DAYS = 7.0


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
    def threads(self) -> int:
        return self.settings.max_threads

    @cached_property
    def names(self) -> dict[int, str]:
        return customer_names(self.engine)

    @cached_property
    def product_names(self) -> dict[int, tuple[str, str]]:
        return product_names(self.engine)

    def product_table(
        self, *, top: int, only_new: bool = False, exclude_days: float = EXCLUDE_DAYS
    ) -> pa.Table:
        from ml.mining.products import recommend_products

        return recommend_products(
            self.settings.fact_store,
            cutoff=self.cutoff,
            top=top,
            scope="new" if only_new else "all",
            exclude_days=exclude_days,
            threads=self.threads,
        )

    def products(self, *, top: int, only_new: bool, exclude_days: float) -> list[Row]:
        table = self.product_table(top=top, only_new=only_new, exclude_days=exclude_days)
        return [
            {
                "customer": self.names[row["customer_id"]],
                "rank": row["rank"],
                "product": self.product_names[row["product_id"]][0],
                "name": self.product_names[row["product_id"]][1],
                "probability": row["score"],
                "reason": self._text(row["reason"]),
            }
            for row in self._rows(table)
        ]

    def judge_products(self, *, exclude_days: float) -> tuple[Judged, ...]:
        """The recommendations of four weeks ago, held against what was bought since."""
        from ml.mining.product_evaluation import evaluate_recommendations

        return evaluate_recommendations(
            self.settings.fact_store,
            cutoff=self.cutoff,
            exclude_days=exclude_days,
            threads=self.threads,
        )

    def channel_table(self, *, top: int) -> pa.Table:
        from ml.mining.channels import preferred_channels

        return preferred_channels(
            self.settings.fact_store, cutoff=self.cutoff, top=top, threads=self.threads
        )

    def channels(self, *, top: int) -> list[Row]:
        return [
            {
                "customer": self.names[row["customer_id"]],
                "rank": row["rank"],
                "channel": row["channel"],
                "score": row["score"],
                "evidence": self._text(row["evidence"]),
            }
            for row in self._rows(self.channel_table(top=top))
        ]

    def groups(self, *, count: int | None, seed: int) -> Groups:
        """Groups that carry on from those published last."""
        from ml.mining.groups import Groups, find_groups

        last = last_groups(self.engine)
        return find_groups(
            self.settings.fact_store,
            cutoff=self.cutoff,
            seed=seed,
            previous=Groups.from_document(*last) if last else None,
            count=count,
            threads=self.threads,
        )

    def group_rows(self, found: Groups) -> list[Row]:
        """Each customer's group."""
        named = {group.key: group.name(self.language) for group in found.groups}
        ids = found.members if self.customer_id is None else [self.customer_id]
        return [
            {
                "customer": self.names[each],
                "group": found.members[each],
                "name": named.get(found.members[each], found.members[each]),
            }
            for each in ids
            if each in found.members
        ]

    def found_hints(self, *, threshold: float) -> tuple[Hint, ...]:
        from ml.mining.hints import hints

        return hints(*self.model_and_sample(), threshold=threshold)

    def hints(self, *, threshold: float) -> list[Row]:
        from ml.mining.texts import actions_text

        return [
            {
                "customer": self.names[hint.customer_id],
                "actions": list(hint.actions),
                "hint": actions_text(hint.actions, self.language),
                "before": round(hint.before, 6),
                "after": round(hint.after, 6),
            }
            for hint in self.found_hints(threshold=threshold)
            if self.customer_id in (None, hint.customer_id)
        ]

    def model_and_sample(self) -> tuple[ChurnModel, Sample]:
        """The churn champion, and the buyers as it sees them."""
        from ml.artefacts import CHAMPION
        from ml.churn import ChurnModel

        folder, files = self._champion("churn")
        model = ChurnModel.load(folder, CHAMPION, files, self.threads)
        return model, self._buyers(model.attributes)

    def value_model_and_sample(self) -> tuple[ClvModel, Sample]:
        """The value champion, and the buyers as it sees them."""
        from ml.artefacts import CHAMPION
        from ml.clv import ClvModel

        folder, files = self._champion("clv")
        model = ClvModel.load(folder, CHAMPION, files, self.threads)
        return model, self._buyers(model.attributes)

    def _champion(self, name: ModelName) -> tuple[Path, Mapping[str, str]]:
        """Folder and hashes of its files."""
        known = [each for each in list_known(self.engine) if each.champion and each.name == name]
        if not known:
            raise NotReady(f"There is no {name} champion yet. Train one: echelon train {name}")
        return model_files(self.settings, known[0]), known[0].files

    def _buyers(self, attributes: Sequence[AttributeField]) -> Sample:
        from ml.backends import connect
        from ml.facts import FactStore
        from ml.sample import sample_at

        with connect(self.threads) as backend:
            backend.open(FactStore(self.settings.fact_store))
            return sample_at(backend, attributes, [self.cutoff])

    def _rows(self, table: pa.Table) -> list[Row]:
        import pyarrow.compute as pc

        if self.customer_id is not None:
            table = table.filter(pc.equal(table["customer_id"], self.customer_id))
        rows: list[Row] = table.to_pylist()
        return rows

    def _text(self, reason: str) -> str:
        from ml.mining.texts import mining_text

        found = json.loads(reason)
        params = dict(found["params"])
        if "product_id" in params:
            params["product"] = self.product_names[params.pop("product_id")][1]
        return mining_text(found["code"], params, self.language)


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
