"""Does the world still look as it did in training? Distances, past predictions, and advice."""

from ml.drift.distances import Ks, Psi, ks, psi
from ml.drift.realised import Published, Realised, realise
from ml.drift.verdict import Advice, Reason, advise
from ml.drift.windows import BaseRate, Shift, Windows, compare, shift

__all__ = [
    "Advice",
    "BaseRate",
    "Ks",
    "Psi",
    "Published",
    "Realised",
    "Reason",
    "Shift",
    "Windows",
    "advise",
    "compare",
    "ks",
    "psi",
    "realise",
    "shift",
]
