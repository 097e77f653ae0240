"""What the web process serves to a browser: where the built page lies and what it may do."""

from __future__ import annotations

from pathlib import Path

from api.errors import NotReady

STATIC_DIR = Path(__file__).parent / "static"
GRAPHIQL_DIR = STATIC_DIR / "graphiql"
GRAPHIQL_SHELL = GRAPHIQL_DIR / "index.html"

# The editor makes its own style elements and ships its icons as a font inside its style sheet;
# everything else comes from this server as files.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self' data:",
        "img-src 'self' data:",
        "worker-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

POLICY_DIR = Path(__file__).parent / "policy"
POLICY_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def policy_shell() -> str:
    """The policy page without any data; what it shows, it asks for with a key."""
    return (POLICY_DIR / "index.html").read_text(encoding="utf-8")


def graphiql_shell() -> str:
    """The page without any data; every answer in it needs a key.

    Raises:
        NotReady: the page has not been built on this machine.
    """
    try:
        return GRAPHIQL_SHELL.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotReady(
            "The GraphiQL page is not built here: run `python -m api.web.build`."
        ) from None
