"""What people and programs are in a business, and which scopes each of these roles has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from api.errors import InvalidInput


@dataclass(frozen=True)
class Role:
    description: str
    scopes: tuple[str, ...]
    own_customers: bool = False
    """Sees the customers of one owner only, and so has to name one."""


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "viewer": Role("Sees numbers and rules, no customer.", ("statistics:read", "rules:read")),
        "sales": Role(
            "Looks after the customers of one owner, contacts included.",
            ("customers:read", "pii:read", "customers:write"),
            own_customers=True,
        ),
        "support": Role(
            "Looks after any customer, contacts included.",
            ("customers:read", "pii:read", "customers:write"),
        ),
        "analyst": Role(
            "Studies customers without their contacts, and explores the schema.",
            ("customers:read", "schema:read"),
        ),
        "marketing": Role(
            "Studies customers without their contacts; makes segments and strategies.",
            ("customers:read", "segments:write", "strategies:write"),
        ),
        "policy-desk": Role(
            "Writes and activates policies and classifications.",
            ("customers:read", "policies:write"),
        ),
        "partner": Role("Pulls risk scores, and nothing else.", ("scores:read",)),
        "auditor": Role("Reads who changed what, and who read what.", ("audit:read",)),
        "monitoring": Role("Scrapes metrics.", ("metrics:read",)),
        "admin": Role("Everything.", ("admin",)),
    }
)


@dataclass(frozen=True)
class Rights:
    scopes: frozenset[str]
    own_customers: bool
    """Whether every role that opens customers opens those of one owner only."""


def role_named(name: str) -> Role:
    """The role.

    Raises:
        InvalidInput: there is none of that name; names those there are.
    """
    if name not in ROLES:
        raise InvalidInput(f"Unknown role {name!r}. There are: {', '.join(ROLES)}.")
    return ROLES[name]


def rights_of(names: Iterable[str]) -> Rights:
    """What several roles come to together; names that are no role of ours open nothing."""
    roles = [ROLES[name] for name in names if name in ROLES]
    scopes = frozenset(scope for role in roles for scope in role.scopes)
    opening = [role for role in roles if {"customers:read", "admin"} & set(role.scopes)]
    limited = bool(opening) and all(role.own_customers for role in opening)
    return Rights(scopes, limited)
