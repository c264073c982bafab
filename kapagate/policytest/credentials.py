"""Credentials for a policy's own schemes: tokens, API keys, webhook signatures.

Tokens with a shared secret and webhooks are signed with what the policy was loaded with. An API key cannot be found
again from its digest, nor a private key from the public one: where a policy under test declares such, the schemes
here take keys of ours in their place, and verify them as ever.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import jwt
from msgspec import Struct

from kapagate.chain.compose import Placed
from kapagate.chain.generation import Generation
from kapagate.chain.route import Route
from kapagate.chain.scheme import Recogniser, Scheme
from kapagate.chain.services import Services
from kapagate.identity import api_keys, signatures
from kapagate.identity.key_sets import SHARED
from kapagate.identity.signatures import FORMATS
from kapagate.policy.table import SCHEMES, Table
from kapagate.policytest.declaration import Caller
from kapagate.schemes.api_key import ApiKey, ApiKeyEntry
from kapagate.schemes.jwt import Jwt
from kapagate.schemes.webhook_signature import WebhookSignature

_FORGERY = "forged: no secret of this policy, and long enough for any algorithm to be signed with it"
Fields = list[tuple[bytes, bytes]]


class Impossible(Exception):
    """No credential can be made for a caller; the text says why."""


class OurApiKey(ApiKey):
    """Recognises callers by an API key, of ours."""

    def compile(self, services: Services) -> Recogniser:
        pepper = self.pepper.reveal().encode()
        keys = [each.model_copy(update={"digest": api_keys.digest(pepper, key_for(each))}) for each in self.keys]
        return ApiKey.compile(self.model_copy(update={"keys": tuple(keys)}), services)


class OurJwt(Jwt):
    """Recognises callers by a signed token, of ours where the policy names public keys."""

    def compile(self, services: Services) -> Recogniser:
        if self.keys is None:
            return super().compile(services)
        public = signer(self.algorithms[0]).jwk
        return Jwt.compile(self.model_copy(update={"keys": {"keys": [public]}, "ca_file": None}), services)


TABLE = Table(schemes={**SCHEMES, "api_key": OurApiKey, "jwt": OurJwt})


def key_for(entry: ApiKeyEntry, forged: bool = False) -> api_keys.Key:
    """The key that stands for an entry of the policy; a forged one has the id alone."""
    seed = f"kapagate test {'forged' if forged else 'key'} {entry.id}".encode()
    return api_keys.create(entry.env or "test", lambda length: hashlib.shake_256(seed).digest(length), entry.id)


class Signer(Struct, frozen=True):
    """A private key of ours and the public half."""

    private: Any
    jwk: dict[str, Any]


@lru_cache(maxsize=16)
def signer(algorithm: str) -> Signer:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    curves: Mapping[str, Any] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    private: Any
    if algorithm in curves:
        private = ec.generate_private_key(curves[algorithm])
    elif algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(65537, 2048)
    public = dict(jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True))
    public.pop("key_ops", None)
    return Signer(private, {**public, "alg": algorithm})


class Credentials:
    """Makes the credentials of callers of one policy."""

    def __init__(self, generation: Generation) -> None:
        self._gate = generation.steps.gate
        self._tokens: dict[tuple[int, int], str] = {}
        self._schemes: dict[Route | None, list[Scheme]] = {}

    def fields(self, caller: Caller, route: Route | None, begun: float) -> Fields:
        """The fields of the caller's credential, but for webhooks'. `begun`: when the case began, Unix seconds. Raises
        Impossible.
        """
        if caller.webhook or not (caller.api_key or caller.subject or caller.tenant):
            return []
        schemes = self._of(route)
        declared = None if caller.api_key else _issuer(caller, schemes)
        if declared is None:
            return [_key_field(caller, schemes)]
        key = (id(caller), int(begun))
        token = self._tokens.get(key)
        if token is None:
            token = self._tokens[key] = _token(declared, caller, begun)
        return [(b"Authorization", f"Bearer {token}".encode())]

    def signed(self, caller: Caller, route: Route | None, delivery: str, now: float, body: bytes) -> Fields:
        """The fields of a webhook's message. Raises Impossible."""
        for scheme in self._of(route):
            if isinstance(scheme, WebhookSignature):
                return _signature(scheme, caller, delivery, now, body)
        raise Impossible("no webhook_signature identifies callers of this route")

    def _of(self, route: Route | None) -> list[Scheme]:
        """The schemes of a route's gate."""
        found = self._schemes.get(route)
        if found is None:
            gate = self._gate if route is None or route.gate is None else route.gate
            found = self._schemes[route] = [each for placed in gate for each in _declared(placed)]
        return found


def _declared(placed: Placed) -> Sequence[Scheme]:
    return getattr(placed.declaration, "schemes", ())


def _issuer(caller: Caller, schemes: Sequence[Scheme]) -> Jwt | None:
    """Whose token the caller carries; None: nobody's, so that it is a key."""
    issuers = [each for each in schemes if isinstance(each, Jwt)]
    for each in issuers:
        if caller.issuer in (None, each.issuer):
            return each
    if caller.issuer is not None:
        raise Impossible(f'no jwt scheme of this route has the issuer "{caller.issuer}"')
    return None


def _key_field(caller: Caller, schemes: Sequence[Scheme]) -> tuple[bytes, bytes]:
    named = caller.api_key or caller.subject
    for scheme in (each for each in schemes if isinstance(each, ApiKey)):
        for entry in scheme.keys:
            if named in (entry.subject, entry.id) and caller.tenant in (None, entry.tenant):
                key = key_for(entry, caller.forged)
                return scheme.header.encode(), key.text.encode()
    raise Impossible(f'no api_key of this route is for "{named}"' if named else "no scheme of this route makes tokens")


def _token(declared: Jwt, caller: Caller, begun: float) -> str:
    names = declared.claims
    audience = declared.audience if isinstance(declared.audience, str) else declared.audience[0]
    claims: dict[str, Any] = {"iss": declared.issuer, "aud": audience, "exp": int(begun + caller.expires)}
    said = ((names.tenant, caller.tenant), (names.subject, caller.subject), (names.session, caller.session))
    for path, value in (*said, (names.roles, list(caller.roles))):
        if path is not None and value is not None:
            _put(claims, path, value)
    algorithm = declared.algorithms[0]
    if algorithm in SHARED:
        secret: Any = declared.secret.reveal() if declared.secret and not caller.forged else _FORGERY
    else:
        secret = signer(algorithm).private if not caller.forged else signer.__wrapped__(algorithm).private
    return jwt.encode({**claims, **caller.claims}, secret, algorithm=algorithm)


def _put(claims: dict[str, Any], path: str, value: Any) -> None:
    """Under a claim, which may be one within others (`realm_access.roles`)."""
    *above, last = path.split(".")
    for part in above:
        claims = claims.setdefault(part, {})
        if not isinstance(claims, dict):
            raise Impossible(f'the policy reads one claim within another that is none of its own: "{path}"')
    claims[last] = value


def _signature(scheme: WebhookSignature, caller: Caller, delivery: str, now: float, body: bytes) -> Fields:
    form = scheme.signed.format() if scheme.signed else FORMATS[scheme.scheme]
    secrets = scheme.secrets or scheme.sources.get(caller.subject or "") or next(iter(scheme.sources.values()))
    secret = signatures.key_of(scheme.scheme, secrets[0].reveal())
    at = b"%d" % int(now)
    text = b"".join(form.template.filled(delivery.encode(), at, body))
    code = hmac.digest(_FORGERY.encode() if caller.forged else secret, text, "sha256")
    written = b64encode(code) if form.encoding == "base64" else code.hex().encode()
    prefix = scheme.signed.prefix.encode() if scheme.signed else _PREFIXES[scheme.scheme]
    fields = [(form.signature, prefix.replace(b"{time}", at) + written)]
    fields += [(form.timestamp, at)] if form.timestamp else []
    return [*fields, (form.id, delivery.encode())] if form.id else fields


_PREFIXES = {"standard": b"v1,", "github": b"sha256=", "slack": b"v0=", "stripe": b"t={time},v1="}
