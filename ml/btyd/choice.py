"""Fit the wanted model of purchase timing or, where that fails, a simpler one, and say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from ml.btyd.histories import Histories
from ml.btyd.model import Nbd, PurchaseModel, fit_nbd
from ml.btyd.pareto import Pareto, fit_pareto
from ml.btyd.rhythm import Rhythm, fit_rhythm
from ml.errors import BadModel, FitFailed

Kind = Literal["mbg", "bg", "pareto", "nbd"]

_FALL_BACK: tuple[Kind, ...] = ("mbg", "bg", "nbd")
_FITS: Mapping[Kind, Callable[[Histories], PurchaseModel]] = {
    "mbg": partial(fit_rhythm, kind="mbg"),
    "bg": partial(fit_rhythm, kind="bg"),
    "pareto": fit_pareto,
    "nbd": fit_nbd,
}


@dataclass(frozen=True)
class Chosen:
    """The model that could be fitted; `failures` says why each one tried before it could not."""

    model: PurchaseModel
    wanted: Kind
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """For the record of a run: empty where the wanted model is the one fitted."""
        reasons = "; ".join(f"{kind}: {reason}" for kind, reason in self.failures.items())
        return f"{self.model.kind} instead of {self.wanted} ({reasons})" if reasons else ""


def fit_or_fall_back(
    seen: Histories,
    wanted: Kind = "mbg",
    fits: Mapping[Kind, Callable[[Histories], PurchaseModel]] = _FITS,
) -> Chosen:
    """The wanted model, else MBG/NBD, else BG/NBD, else a model in which nobody leaves.

    Raises:
        FitFailed: none of them can be fitted; the message is the last one's.
    """
    failures: dict[str, str] = {}
    for kind in (wanted, *(kind for kind in _FALL_BACK if kind != wanted)):
        try:
            return Chosen(fits[kind](seen), wanted, failures)
        except FitFailed as failure:
            failures[kind] = last = str(failure)
    raise FitFailed(last)


def model_from_document(document: Mapping[str, float | str]) -> PurchaseModel:
    """Read back what `to_document` wrote.

    Raises:
        BadModel: the kind is unknown.
    """
    kinds: Mapping[str, type[Rhythm | Pareto | Nbd]] = {
        "mbg": Rhythm,
        "bg": Rhythm,
        "pareto": Pareto,
        "nbd": Nbd,
    }
    kind = str(document.get("kind"))
    if kind not in kinds:
        raise BadModel(
            f"There is no model of purchase timing of the kind {kind!r}; "
            f"there are {', '.join(kinds)}."
        )
    return kinds[kind].from_document(document)
