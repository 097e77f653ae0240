"""An issuer of tokens that tests make themselves: its keys, and what it answers over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, RSAKey

from tests.api.seed_facts import NOW

ISSUER = "https://login.example.org/realm"
AUDIENCE = "echelon"
JWKS = "https://login.example.org/keys"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})


@dataclass
class Issuer:
    """Counts how often it is asked; can be down or silent, and can publish other keys or more."""

    published: list[Key] = field(default_factory=lambda: [RSA, EC])
    down: bool = False
    silent: bool = False
    padding: int = 0
    asked: list[str] = field(default_factory=list)
    named: str = ISSUER

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if self.silent:
            await asyncio.Event().wait()
        if self.down:
            raise httpx.ConnectError("down", request=request)
        if str(request.url).endswith("/.well-known/openid-configuration"):
            return httpx.Response(200, json={"issuer": self.named, "jwks_uri": JWKS})
        secret = OctKey.generate_key(256, {"kid": "shared", "use": "sig"}).as_dict(private=True)
        keys = [each.as_dict(private=False) for each in self.published]
        other = {"kty": "unheard-of", "padding": "x" * self.padding}
        return httpx.Response(200, json={"keys": [*keys, secret, other]})

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))


def token(
    key: Key = RSA, algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any
) -> str:
    """A token of this issuer for us, valid for five minutes, unless told otherwise."""
    moment = int(NOW.timestamp())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "4711", "iat": moment, "exp": moment + 300}
    content = {name: each for name, each in (usual | claims).items() if each is not None}
    head = {"alg": algorithm, "kid": key.kid} | (header or {})
    return jwt.encode(
        {name: each for name, each in head.items() if each is not None},
        content,
        key,
        algorithms=[algorithm],
    )


def later(**parts: float) -> int:
    return int((NOW + dt.timedelta(**parts)).timestamp())
