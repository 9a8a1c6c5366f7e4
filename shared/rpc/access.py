"""Who is calling and what that caller may do: SPIFFE ids by mTLS, bearer tokens by OIDC, or everything on bare loopback."""

import asyncio
import json
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any

import jwt

from shared.errors import PermissionDenied, Unauthenticated
from shared.principal import EVERY_TEAM, INCLUDED, Principal
from shared.rpc.method import Method
from shared.rpc.pipeline import Call, Oversized, Unreadable
from shared.settings import ServiceSettings

LOCAL_NAME_KEY = "ballast-principal"

_EVERYTHING = frozenset((role, EVERY_TEAM) for role in INCLUDED)
# Infrastructure every client must reach before it is known; none of it shows data.
_OPEN = ("grpc.health.v1.Health/", "grpc.reflection.v1.ServerReflection/", "grpc.reflection.v1alpha.ServerReflection/")
_ALGORITHMS = ["RS256", "ES256", "EdDSA"]
_KEY_LIFESPAN_SECONDS = 300
_KEY_TIMEOUT_SECONDS = 5
_REMEMBERED = 1024  # callers, and answers to what a set of roles may do: the same few come again and again


class Authority:
    """Knows callers by the credentials the settings ask for, and checks them against the rule of the RPC."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._open_loopback = not settings.has_credentials
        self._keys = _KeySet(settings.oidc_jwks) if settings.oidc_issuer else None

    async def admit(self, method: Method, call: Call) -> Principal:
        """Returns the caller when it may make this call. Raises Unauthenticated or PermissionDenied, saying what is missing."""
        if not method.role:
            if method.full_name.startswith(_OPEN):
                return Principal("anonymous")
            raise PermissionDenied(f"{method.full_name} has no access rule in its contract, so nobody may call it", reason="NO_ACCESS_RULE")
        principal = await self.identify(call)
        team = _team(call.request, method.team_field) if method.team_field else ""
        if not _holds(principal.roles, method.role, team):
            scope = f" for {team}" if method.team_field else ""
            raise PermissionDenied(
                f"{principal.name} may not call {method.full_name}: it needs the role {method.role}{scope}",
                reason="ROLE_MISSING",
                metadata={"role": method.role, "principal": principal.name},
            )
        return principal

    async def identify(self, call: Call) -> Principal:
        """Returns who calls. Raises Unauthenticated when it cannot be told."""
        if self._open_loopback:
            return _local(str(call.metadata.get(LOCAL_NAME_KEY, "local")))
        spiffe = self._spiffe_id(call)
        if spiffe:
            return _service(spiffe)
        token = str(call.metadata.get("authorization", ""))
        if self._keys is not None and token.lower().startswith("bearer "):
            return await self._bearer(token[7:])
        raise Unauthenticated(
            f"no credentials: present a certificate of spiffe://{self._settings.trust_domain}/… or a bearer token",
            reason="CREDENTIALS_MISSING",
        )

    def _spiffe_id(self, call: Call) -> str:
        # gRPC gives this property only where the certificate has exactly one URI and that is a SPIFFE id, as the standard asks;
        # among all alternative names a host name could read like one.
        names = [name.decode() for name in (call.context.auth_context() or {}).get("peer_spiffe_id", ())]
        return next((name for name in names if name.startswith(f"spiffe://{self._settings.trust_domain}/")), "")

    async def _bearer(self, token: str) -> Principal:
        assert self._keys is not None
        try:
            key = await self._keys.key_for(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._settings.oidc_audience,
                issuer=self._settings.oidc_issuer,
                options={"require": ["exp", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the bearer token is refused: {error}", reason="TOKEN_REFUSED") from None
        granted = claims.get(self._settings.oidc_roles_claim)
        pairs = (each.partition("@") for each in granted if isinstance(each, str)) if isinstance(granted, list) else ()
        return Principal(str(claims["sub"]), frozenset((role, team or EVERY_TEAM) for role, _, team in pairs if role in INCLUDED))


class _KeySet:
    """The issuer's public keys: from a file, or from a URL with a cache and one refetch for an unknown key."""

    def __init__(self, location: str) -> None:
        self._client = (
            jwt.PyJWKClient(location, lifespan=_KEY_LIFESPAN_SECONDS, timeout=_KEY_TIMEOUT_SECONDS)
            if location.startswith("https://")
            else None
        )
        self._fixed = None if self._client else jwt.PyJWKSet.from_dict(json.loads(Path(location).read_text()))

    async def key_for(self, token: str) -> jwt.PyJWK:
        """Returns the key with its own algorithm: a token cannot have it used with another."""
        if self._client is not None:
            # The client is blocking; it answers from its cache except for the first token of a key.
            return await asyncio.to_thread(self._client.get_signing_key_from_jwt, token)
        assert self._fixed is not None
        wanted = jwt.get_unverified_header(token).get("kid")
        for key in self._fixed.keys:
            if key.key_id == wanted:
                return key
        raise jwt.InvalidKeyError(f"no key {wanted!r} in the issuer's key set")


@lru_cache(maxsize=_REMEMBERED)
def _local(name: str) -> Principal:
    return Principal(name, _EVERYTHING)


@lru_cache(maxsize=_REMEMBERED)
def _service(spiffe_id: str) -> Principal:
    return Principal(spiffe_id, frozenset({("service", EVERY_TEAM)}))


@lru_cache(maxsize=_REMEMBERED)
def _holds(roles: frozenset[tuple[str, str]], role: str, team: str) -> bool:
    return any(role in INCLUDED[held] and scope in {EVERY_TEAM, team} for held, scope in roles) or (
        # A rule without a team field is about no one team: a role for any team will do to read, and only an unscoped one to change.
        role == "viewer" and not team and any("viewer" in INCLUDED[held] for held, _ in roles)
    )


def _team(request: Any, path: str) -> str:
    # What came in place of a message, or of one too large, is about no team; the next stage refuses it.
    if request is None or isinstance(request, Oversized | Unreadable):
        return ""
    return str(reduce(lambda found, name: getattr(found, name, ""), path.split("."), request))
