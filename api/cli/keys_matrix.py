"""`echelon keys matrix`: who may use what."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import JsonOption, Terminal
from api.domain.roles import ROLES, role_named


def matrix_(
    role: Annotated[
        str | None, typer.Option(help="Only what this role may use. Default: everything.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print which scope and which roles each operation, type and field takes, and each route."""
    from api.graphql.matrix import matrix
    from api.graphql.schema import executable_schema

    terminal = Terminal(as_json=json)
    if role is not None:
        role_named(role)
    lines = [line for line in matrix(executable_schema()) if role is None or role in line.roles]
    terminal.table(
        ["kind", "place", "scopes", "roles"],
        [[line.kind, line.place, _scopes(line.scopes), _roles(line.roles)] for line in lines],
    )
    terminal.result(
        {
            "roles": {
                name: {
                    "description": each.description,
                    "scopes": list(each.scopes),
                    "ownCustomers": each.own_customers,
                }
                for name, each in ROLES.items()
            },
            "matrix": [
                {
                    "kind": line.kind,
                    "place": line.place,
                    "scopes": None if line.scopes is None else list(line.scopes),
                    "roles": list(line.roles),
                }
                for line in lines
            ],
        }
    )


def _scopes(scopes: tuple[str, ...] | None) -> str:
    if scopes is None:
        return "open"
    return " and ".join(scopes) or "as its parent"


def _roles(roles: tuple[str, ...]) -> str:
    return "all" if len(roles) == len(ROLES) else ", ".join(roles)
