"""What an examination finds, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    subject: str
    state: Literal["ok", "warning", "failure"]
    message: str
    remedy: str = ""
