"""Signatures as senders make them, by another path than the code under test: RFC 2104 by hand."""

from __future__ import annotations

import hashlib
from base64 import b64encode, standard_b64decode
from collections.abc import Mapping

BLOCK = 64


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104, 2, as it is written there."""
    key = hashlib.sha256(key).digest() if len(key) > BLOCK else key
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(BLOCK, b"\0")) for pad in (0x36, 0x5C))
    return hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).digest()


def secret_of(kind: str, number: int = 1) -> str:
    """A secret as this kind of sender hands it out, made up here."""
    raw = hashlib.sha256(b"%d" % number).digest()
    return "whsec_" + b64encode(raw).decode() if kind == "standard" else raw.hex()


def key_of(kind: str, secret: str) -> bytes:
    if kind != "standard":
        return secret.encode()
    return standard_b64decode(secret[6:])


def fields(
    kind: str, secret: str, body: bytes, *, at: int | str = 0, identifier: str = "msg-1", **more: str
) -> dict[str, str]:
    """The header fields that a sender of this kind puts on a message."""
    key, text = key_of(kind, secret), body.decode("latin-1")
    made: Mapping[str, tuple[str, dict[str, str]]] = {
        "standard": (f"{identifier}.{at}.{text}", {"webhook-id": identifier, "webhook-timestamp": f"{at}"}),
        "github": (text, {"X-GitHub-Delivery": identifier, "X-GitHub-Event": "push"}),
        "slack": (f"v0:{at}:{text}", {"X-Slack-Request-Timestamp": f"{at}"}),
        "stripe": (f"{at}.{text}", {}),
        "hmac_sha256": (f"{identifier}|{at}|{text}", {"X-Id": identifier, "X-Time": f"{at}"}),
    }
    message, beside = made[kind]
    code = hmac_sha256(key, message.encode("latin-1"))
    signature = {
        "standard": {"webhook-signature": f"v1,{b64encode(code).decode()}"},
        "github": {"X-Hub-Signature-256": f"sha256={code.hex()}"},
        "slack": {"X-Slack-Signature": f"v0={code.hex()}"},
        "stripe": {"Stripe-Signature": f"t={at},v1={code.hex()}"},
        "hmac_sha256": {"X-Sign": f"sig:{b64encode(code).decode()}"},
    }
    return {**beside, **signature[kind], **more}
