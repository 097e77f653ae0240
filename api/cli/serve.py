"""`echelon serve`: the GraphQL API over HTTP."""

from __future__ import annotations

import errno
import socket
from typing import Annotated

import typer

from api.cli.context import open_installation
from api.cli.terminal import Terminal
from api.errors import Conflict, InvalidInput
from api.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
) -> None:
    """Serve the API until it is told to stop; requests under way are answered first."""
    place = open_installation()
    host, port = host or place.settings.host, port or place.settings.port
    require_free_port(host, port)
    shown = f"[{host}]" if ":" in host else host
    Terminal(as_json=False).note(f"Serving on http://{shown}:{port}/graphql; Ctrl-C stops it.")
    run_server(place.settings, host, port)


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


def run_server(settings: Settings, host: str, port: int) -> None:
    import uvicorn

    from api.app import create_app
    from api.wire import Protocol

    require_free_port(host, port)
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        server_header=False,
        access_log=False,
        log_level="warning",
        ws="none",
        http=Protocol,
        timeout_graceful_shutdown=15,
    )
