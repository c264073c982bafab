"""Who takes part in the demo: keys made anew for every run, and tokens signed with them."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping

import jwt
from msgspec import Struct

from kapagate.identity.api_keys import Key, create, digest
from kapagate.standin import DEFAULT_PROJECTS

ISSUER, AUDIENCE = "https://id.example", "docs"
(ACME_PROJECT, ACME_KEY), (GLOBEX_PROJECT, GLOBEX_KEY) = tuple(DEFAULT_PROJECTS.items())[:2]


class Keys(Struct, frozen=True):
    """The demo's secrets. `reporter` is an API key of the tenant `acme`; with `hook` its billing service signs."""

    signing: str
    pepper: str
    pseudonyms: str
    reporter: Key
    hook: str

    @classmethod
    def made(cls, random_bytes: Callable[[int], bytes]) -> Keys:
        signing, pepper, pseudonyms = (random_bytes(32).hex() for _ in range(3))
        reporter = create("demo", random_bytes)
        return cls(signing, pepper, pseudonyms, reporter, f"whsec_{b64encode(random_bytes(32)).decode()}")

    def token(self, subject: str, tenant: str, role: str, expires: float) -> str:
        """A signed JWT (RFC 7519); `expires` in Unix seconds."""
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "org": tenant, "roles": [role], "exp": int(expires)}
        return jwt.encode({**claims, "sid": f"session-of-{subject}"}, self.signing, algorithm="HS256")

    def webhook(self, identifier: str, at: float, body: bytes) -> dict[str, str]:
        """The fields of a signed message, as Standard Webhooks has them; `at` in Unix seconds."""
        said = f"{identifier}.{int(at)}."
        code = hmac.digest(b64decode(self.hook.removeprefix("whsec_")), said.encode() + body, "sha256")
        signature = f"v1,{b64encode(code).decode()}"
        return {"webhook-id": identifier, "webhook-timestamp": f"{int(at)}", "webhook-signature": signature}

    def environment(self, kapa_url: str, crm_url: str, state: str) -> Mapping[str, str]:
        """What the example policy asks of its environment."""
        return {
            "KAPA_URL": kapa_url,
            "CRM_URL": crm_url,
            "KAPAGATE_STATE": state,
            "KAPAGATE_PSEUDONYM_KEY": self.pseudonyms,
            "JWT_SECRET": self.signing,
            "API_KEY_PEPPER": self.pepper,
            "REPORTER_KEY_ID": self.reporter.id,
            "REPORTER_KEY_DIGEST": digest(self.pepper.encode(), self.reporter),
            "BILLING_HOOK_SECRET": self.hook,
            "KG_ACME_PROJECT": ACME_PROJECT,
            "KG_ACME_KEY": ACME_KEY,
            "KG_GLOBEX_PROJECT": GLOBEX_PROJECT,
            "KG_GLOBEX_KEY": GLOBEX_KEY,
            "DOOR_LIMIT_PER_MINUTE": "600",
            "DOOR_BURST": "100",
            "RATE_LIMIT_PER_MINUTE": "30",
            "RATE_LIMIT_BURST": "5",
        }
