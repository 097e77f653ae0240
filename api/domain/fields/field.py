"""What a field of the catalogue is: a name, a type, names for people, and where it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FieldType = Literal["number", "money", "text", "choice", "boolean", "date"]
Unit = Literal[
    "currency", "probability", "percentile", "days", "hours", "count", "score", "share", ""
]
AttributeType = Literal["number", "text", "boolean", "date"]


@dataclass(frozen=True)
class Choice:
    value: str
    label_en: str
    label_zh: str


@dataclass(frozen=True)
class Field:
    """One thing that is known about a customer. Two fields are equal when name and type are."""

    name: str
    type: FieldType
    label_en: str = field(compare=False)
    label_zh: str = field(compare=False)
    table: str = field(compare=False)
    column: str = field(compare=False)
    unit: Unit = field(default="", compare=False)
    whole: bool = field(default=False, compare=False)
    """A number without fractions, stored as an integer. Money that is none, such as a mean, may
    have fractions of a minor unit."""
    lowest: float | None = field(default=None, compare=False)
    highest: float | None = field(default=None, compare=False)
    choices: tuple[Choice, ...] = field(default=(), compare=False)
    """What a `choice` may be; empty where the installation's own documents say."""
    decides_tiers: bool = field(default=True, compare=False)
    """False for identifiers, for what follows from the tier, and for sensitive attributes."""
    many: bool = field(default=False, compare=False)
    """A customer may have several values at once: only `eq` and `in` make sense."""
    measure: str = field(default="", compare=False)
    """What this is one window of: `net_spend` of `net_spend_84d`."""
    window_days: int | None = field(default=None, compare=False)

    @property
    def predicted(self) -> bool:
        return self.table == "predictions"

    @property
    def attribute(self) -> str | None:
        """The custom attribute's name, if this is one."""
        return self.name.removeprefix("attribute.") if self.name.startswith("attribute.") else None

    @property
    def class_key(self) -> str | None:
        """The classification's key, if this is one that is stored with all others."""
        return self.name.removeprefix("class.") if self.name.startswith("class.") else None

    @property
    def sensitive(self) -> bool:
        """A sensitive attribute, or a class that follows from one: personal data."""
        own = self.attribute is not None or self.class_key is not None
        return own and not self.decides_tiers

    def label(self, language: str) -> str:
        return self.label_en if language == "en" else self.label_zh


def choices(**labels: tuple[str, str]) -> tuple[Choice, ...]:
    return tuple(Choice(value, en, zh) for value, (en, zh) in labels.items())


COUNT: dict[str, object] = {"unit": "count", "whole": True, "lowest": 0}
DAYS: dict[str, object] = {"unit": "days", "lowest": 0}
SHARE: dict[str, object] = {"unit": "share", "lowest": 0}
MONEY: dict[str, object] = {"unit": "currency", "whole": True}


def stored(table: str, name: str, kind: FieldType, en: str, zh: str, **more: object) -> Field:
    """A field that is a column of its own: of its name, money with the suffix `_minor`."""
    column = f"{name}_minor" if kind == "money" else name
    return Field(name, kind, en, zh, table, column, **more)  # type: ignore[arg-type]


def profile(name: str, kind: FieldType, en: str, zh: str, **more: object) -> Field:
    return stored("customer_profiles", name, kind, en, zh, **more)


def windows(
    measure: str, kind: FieldType, en: str, zh: str, days: tuple[int, ...], **more: object
) -> tuple[Field, ...]:
    """One measure over several windows: `{measure}_{days}d`."""
    return tuple(
        profile(
            f"{measure}_{each}d",
            kind,
            f"{en} in {each} days",
            f"近 {each} 天{zh}",
            measure=measure,
            window_days=each,
            **more,
        )
        for each in days
    )
