"""`echelon serve`: the GraphQL API over HTTP."""

from __future__ import annotations

import errno
import socket
import sys
from typing import Annotated

import typer

from api.cli.context import open_installation
from api.cli.terminal import Terminal
from api.errors import Conflict, InvalidInput
from api.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes to answer with; PostgreSQL only.")
    ] = None,
) -> None:
    """Serve the API until it is told to stop; requests under way are answered first."""
    place = open_installation()
    host, port = host or place.settings.host, port or place.settings.port
    workers = workers or place.settings.workers
    require_database_for(workers, place.url)
    require_free_port(host, port)
    shown = f"[{host}]" if ":" in host else host
    Terminal(as_json=False).note(f"Serving on http://{shown}:{port}/graphql; Ctrl-C stops it.")
    run_server(place.settings, host, port, workers)


def require_database_for(workers: int, url: str) -> None:
    """Say at once that several processes can't share a file.

    Raises:
        InvalidInput: more than one worker on SQLite.
    """
    if workers > 1 and url.startswith("sqlite"):
        raise InvalidInput(
            f"{workers} workers need PostgreSQL: on SQLite one process answers. Leave out "
            "--workers and ECHELON_WORKERS, or set ECHELON_DATABASE_URL to a PostgreSQL database."
        )


def require_free_port(host: str, port: int) -> None:
    """Say at once that a port is taken, before anything else takes time.

    Raises:
        Conflict: another program listens there.
        InvalidInput: this machine or this user can't listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise InvalidInput(f"Port {port} needs more rights: choose one above 1023.") from None
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise InvalidInput(
                    f"{host!r} is no address of this machine. Set ECHELON_HOST to one, such as "
                    "127.0.0.1."
                ) from None
            raise Conflict(
                f"Port {port} on {host} can't be used: {error.strerror}. "
                "Set ECHELON_PORT to a free one."
            ) from None


def run_server(settings: Settings, host: str, port: int, workers: int = 1) -> None:
    from api.serving import serve as serve_until_told

    require_free_port(host, port)
    sys.stdout.flush()
    if code := serve_until_told(settings, host, port, workers):
        raise typer.Exit(code)
