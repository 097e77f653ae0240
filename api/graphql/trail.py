"""What a request leaves in the audit log: who is behind it, and what it read of people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from api.domain.audit import MOST_NAMED, Actor
from api.domain.keys import PERSON, Caller


def actor_of(caller: Caller) -> Actor:
    if caller.key_id is None:
        return Actor("person", caller.name.removeprefix(PERSON), caller.name)
    return Actor("key", str(caller.key_id), caller.name)


@dataclass
class PersonalReads:
    """Which fields of personal data an answer holds, and of which customers.

    Whoever opens a field or a filter because of `pii:read` notes it here.
    """

    fields: set[str] = field(default_factory=set)
    customers: set[int] = field(default_factory=set)

    def note(self, place: str, customers: Iterable[int] = ()) -> None:
        self.fields.add(place)
        self.customers.update(customers)

    def __bool__(self) -> bool:
        return bool(self.fields)

    def details(self) -> dict[str, Any]:
        """For the entry: row numbers rather than the business's own, and few rather than many."""
        found: dict[str, Any] = {"fields": sorted(self.fields), "customers": len(self.customers)}
        if 0 < len(self.customers) <= MOST_NAMED:
            found["customer_ids"] = sorted(self.customers)
        return found

    def to_json(self) -> dict[str, Any]:
        return {"fields": sorted(self.fields), "customers": sorted(self.customers)}


def customer_of(source: Any) -> Iterable[int]:
    """The customer that an object of the schema is about, where it says so."""
    row = getattr(source, "row", None)
    number = getattr(row, "id" if type(source).__name__ == "Customer" else "customer_id", None)
    return (number,) if isinstance(number, int) else ()
