"""People, by the tokens that their issuer signs (JWT, OpenID Connect)."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import Key

from api.domain.keys import NAME_LENGTH, PERSON, Caller
from api.domain.roles import rights_of
from api.errors import Forbidden, Unauthenticated
from api.graphql.issuer import IssuerKeys

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
    "EdDSA",
)  # fmt: skip
"""Asymmetric ones only: with a shared secret or `none`, anybody could issue tokens."""
LEEWAY_SECONDS = 30
LONGEST_TOKEN = 16_384
REFUSED = "Send a valid token of this installation's issuer, or a key."


@dataclass(frozen=True)
class Claims:
    """Which claims of a token say what; with dots, a way into a claim that is an object."""

    roles: str
    owner: str
    name: str


class People:
    def __init__(
        self,
        issuer: str,
        audience: str,
        claims: Claims,
        keys: IssuerKeys,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._claims = claims
        self._keys = keys
        self._registry = jwt.JWTClaimsRegistry(
            now=lambda: int(clock().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def caller(self, token: str) -> Caller:
        """Who a token speaks for; its text is kept nowhere.

        Raises:
            Unauthenticated: it is not valid here; says why only if it once was.
            Forbidden: its role sees the customers of one owner, and it names none.
            IssuerUnreachable: it can't be checked now.
        """
        key = await self._keys.key(_kid(token))
        if key is None:
            raise Unauthenticated(REFUSED)
        claims = self._checked(token, key)
        roles = _claim(claims, self._claims.roles)
        named = roles.split() if isinstance(roles, str) else roles
        texts = named if isinstance(named, list) else []
        rights = rights_of(each for each in texts if isinstance(each, str))
        owner = None
        if rights.own_customers:
            owner = _claim(claims, self._claims.owner)
            if not isinstance(owner, str) or not owner.strip():
                raise Forbidden(
                    "Your role sees the customers of one owner, and your token names none (claim "
                    f"{self._claims.owner})."
                )
        return Caller(None, self._name(claims), rights.scopes, owner)

    async def close(self) -> None:
        await self._keys.close()

    def _checked(self, token: str, key: Key) -> Mapping[str, Any]:
        try:
            found = jwt.decode(token, key, algorithms=list(ALGORITHMS))
            self._registry.validate(found.claims)
        except ExpiredTokenError:
            raise Unauthenticated("The token has expired; get another one.") from None
        except (JoseError, ValueError, TypeError):
            raise Unauthenticated(REFUSED) from None
        return found.claims

    def _name(self, claims: Mapping[str, Any]) -> str:
        """What stands beside their changes; a name too long for that becomes its hash."""
        name = str(_claim(claims, self._claims.name) or claims["sub"])
        if len(PERSON) + len(name) > NAME_LENGTH:
            name = hashlib.sha256(name.encode()).hexdigest()
        return PERSON + name


def _kid(token: str) -> str | None:
    """The id of the key that a token claims to be signed with.

    Raises:
        Unauthenticated: it has no header that can be read, or is too long to be looked at.
    """
    head = token.partition(".")[0]
    try:
        if len(token) > LONGEST_TOKEN:
            raise ValueError("too long")
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        kid = header.get("kid")
        if not isinstance(kid, str | None):
            raise ValueError("no text")
    except (ValueError, AttributeError, binascii.Error, RecursionError):
        raise Unauthenticated(REFUSED) from None
    return kid


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by the way to it where no claim has that very name."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
