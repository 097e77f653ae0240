"""What a back-test found, in numbers: at each origin, pooled, against every baseline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ml.contracts import day_of
from ml.evaluation import LEVEL, OURS, Case, Holdout, Judgement, judge, pooled
from ml.facts import FactStore
from ml.plots import deciles
from ml.training import TrainedModel


@dataclass(frozen=True)
class Tested:
    """One origin, or all of them as one."""

    case: Case
    judgement: Judgement


@dataclass(frozen=True)
class Report:
    """A back-test; `origins` is oldest first, and `total` is all of them together."""

    name: str
    as_of: dt.date
    horizon_days: int
    origins: tuple[Tested, ...]
    total: Tested
    exponent: int
    currency: str
    parameters: Mapping[str, str | int | float]
    snapshot: Mapping[str, Any]

    @property
    def overall(self) -> Judgement:
        return self.total.judgement

    @property
    def scale(self) -> int:
        """What outcomes are divided by to be shown: money comes in minor units."""
        return 10**self.exponent if self.name == "clv" else 1

    def to_document(self) -> dict[str, Any]:
        """Everything but the customers, for machines; money in whole units of the currency."""
        return {
            "model": self.name,
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon_days,
            "interval_level": LEVEL,
            "parameters": dict(self.parameters),
            "pooled": self._document(self.total),
            "origins": [
                {"origin": one.case.origin.isoformat(), "extrapolated": one.case.extrapolated}
                | self._document(one)
                for one in self.origins
            ],
        }

    def deciles(self, one: Tested) -> list[dict[str, float]]:
        return deciles(one.case.methods[OURS] / self.scale, one.case.actual / self.scale)

    def _document(self, one: Tested) -> dict[str, Any]:
        judged = one.judgement
        return {
            "customers": judged.customers,
            "rows": judged.rows,
            "mean_outcome": judged.base / self.scale,
            "methods": {
                method: {name: interval._asdict() for name, interval in metrics.items()}
                for method, metrics in judged.methods.items()
            },
            "best_baseline": judged.rival,
            "minus_best_baseline": {
                name: interval._asdict() for name, interval in judged.against_rival.items()
            },
            "deciles": self.deciles(one),
            "segments": [
                {"segment": each.segment, "customers": each.customers, "floor": each.floor}
                | {"seen": each.actual / self.scale, "predicted": each.predicted / self.scale}
                | {"held": each.held, "difference": each.difference._asdict()}
                | {name: interval._asdict() for name, interval in each.metrics.items()}
                for each in judged.segments
            ],
        }


def report_of(trained: TrainedModel) -> Report:
    """The back-test that a training ends with: one origin."""
    evaluation = trained.evaluation
    day = day_of(trained.snapshot["holdout_cutoff"] - 1, trained.snapshot["time_zone"])
    one = Tested(replace(evaluation.case, origin=day), evaluation.judgement)
    return Report(
        name=trained.name,
        as_of=trained.as_of,
        horizon_days=int(trained.parameters.get("holdout_horizon_days", trained.horizon_days)),
        origins=(one,),
        total=one,
        exponent=trained.exponent,
        currency="",
        parameters=trained.parameters,
        snapshot=trained.snapshot,
    )


def report_on(
    store: FactStore,
    name: str,
    cases: Sequence[Case],
    *,
    as_of: dt.date,
    horizon_days: int,
    seed: int,
) -> Report:
    """Judge back-tests at several origins, each for itself and all together.

    Pooled intervals draw customers with all their origins, as one customer's outcomes are alike.
    """
    manifest = store.manifest
    exponent = manifest.currency_exponent
    tested = tuple(Tested(case, judge(name, case, exponent=exponent, seed=seed)) for case in cases)
    together: Holdout = pooled(cases)
    total = (
        tested[0]
        if len(tested) == 1
        else Tested(together, judge(name, together, exponent=exponent, seed=seed))
    )
    return Report(
        name=name,
        as_of=as_of,
        horizon_days=horizon_days,
        origins=tested,
        total=total,
        exponent=exponent,
        currency=manifest.base_currency,
        parameters={"origins": len(cases), "horizon_days": horizon_days, "seed": seed},
        snapshot={
            "fingerprint": store.fingerprint(),
            "rows": {table: manifest.rows(table) for table in manifest.files},
            "time_zone": manifest.time_zone,
            "as_of": as_of.isoformat(),
            "origins": [case.origin.isoformat() for case in cases],
        },
    )
