"""Whether people come with tokens here, and whether what is set for that will do."""

from __future__ import annotations

import re

from api.errors import InvalidInput
from api.settings import Settings

SAFE_ADDRESS = re.compile(r"https://[^/]|http://(127\.0\.0\.1|\[::1\]|localhost)[:/]")
"""One that nobody on the way can answer for."""


def has_issuer(settings: Settings) -> bool:
    """Whether an issuer is set.

    Raises:
        InvalidInput: only half of what is needed is, or not safely.
    """
    if not settings.oidc_issuer and not settings.oidc_audience and not settings.oidc_jwks_url:
        return False
    if not settings.oidc_issuer or not settings.oidc_audience:
        raise InvalidInput("ECHELON_OIDC_ISSUER and ECHELON_OIDC_AUDIENCE go together.")
    for name in ("oidc_issuer", "oidc_jwks_url"):
        url = getattr(settings, name)
        if url and not SAFE_ADDRESS.match(url):
            raise InvalidInput(
                f"ECHELON_{name.upper()} has to begin with https://, or somebody on the way could "
                "issue tokens."
            )
    return True
