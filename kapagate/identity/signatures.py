"""Webhook signatures: a message authentication code over what was sent, told in header fields.

Every kind is the same thought under other names: some header fields say when a message was sent, what it is called, and
one or more HMAC-SHA-256 codes over a text that is put together from these and the body. So a kind is a `Format`: names,
a `Template`, an encoding.

What is checked, in this order, so that little is done for those who cannot be right:

1. The fields, before the body is read. Each stands once, under one name. The time has only digits, and is signed
   exactly as it came; the id has only visible ASCII, and no separator of the template, or a message could be cut in
   two places.
2. The time, against the clock: as far behind as ahead.
3. The codes. For every secret the code is made and compared with every code that was sent, in constant time and
   without leaving early; encoded codes are compared, so there is exactly one way to write each.

The bytes of the body are those that came. Nothing here knows what is in them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from kapagate.chain import problems
from kapagate.chain.headers import Headers
from kapagate.chain.problem import Problem
from kapagate.identity.signed_text import Template

Encoding = Literal["hex", "base64"]

LONGEST_FIELD = 4096
MOST_SIGNATURES = 16
LEAST_KEY = 16
_TIMESTAMP = re.compile(rb"[0-9]{1,12}")
_ID = re.compile(rb"[!-~]{1,256}")
_ENCODE: dict[Encoding, Callable[[bytes], bytes]] = {
    "hex": lambda code: code.hex().encode("ascii"),
    "base64": base64.b64encode,
}
_LENGTH: dict[Encoding, int] = {"hex": 64, "base64": 44}

Codes = tuple[bytes, list[bytes]]
"""A timestamp, empty where the field has none, and the codes as they were sent."""


class Rejected(ValueError):
    """A message that is not what it claims to be, or not in time. The sentence is fit for log and sender."""


class Sent(Struct, frozen=True):
    """What the fields of one message say; empty where its format has no such thing. `timestamp` as it came."""

    signatures: tuple[bytes, ...]
    timestamp: bytes = b""
    id: bytes = b""


class Format(Struct, frozen=True):
    """One kind of signature. Field names are in lower case; `timestamp` and `id` empty: there is no such field.

    `codes` takes the signature field apart.
    """

    signature: bytes
    template: Template
    codes: Callable[[bytes], Codes]
    timestamp: bytes = b""
    id: bytes = b""
    encoding: Encoding = "hex"

    @property
    def fields(self) -> frozenset[bytes]:
        """Every field that it reads."""
        return frozenset({self.signature, self.timestamp, self.id} - {b""})

    @property
    def identified(self) -> bool:
        """Whether the id is among what is signed."""
        return "id" in self.template.names

    def sent(self, headers: Headers) -> Sent | None:
        """What a message's fields say; None: it has no signature of this kind.

        Raises Problem `ambiguous-credentials` for a field that stands twice, Rejected for one that cannot be right.
        """
        value = _only(headers, self.signature)
        if value is None:
            return None
        self._refuse_aliases(headers)
        timestamp, codes = self.codes(value) if len(value) <= LONGEST_FIELD else (b"", [])
        if self.timestamp:
            timestamp = _only(headers, self.timestamp) or b""
        if "timestamp" in self.template.names and not _TIMESTAMP.fullmatch(timestamp):
            raise Rejected("the message has no acceptable timestamp")
        return Sent(self._well_formed(codes), timestamp, self._id(headers) if self.id else b"")

    def _refuse_aliases(self, headers: Headers) -> None:
        """To some backends `webhook_id` is the same field as `webhook-id`, and nobody looked at that one."""
        for name, _ in headers.raw:
            if b"_" in name and name.lower().replace(b"_", b"-") in self.fields and name.lower() not in self.fields:
                raise Problem(problems.AMBIGUOUS_CREDENTIALS, f"{name.decode('latin-1')} is another field's name")

    def _well_formed(self, codes: Sequence[bytes]) -> tuple[bytes, ...]:
        kept = codes if self.encoding == "base64" else [code.lower() for code in codes]
        kept = [code for code in kept if len(code) == _LENGTH[self.encoding]]
        if not kept or len(codes) > MOST_SIGNATURES:
            raise Rejected("the message has no acceptable signature")
        return tuple(kept)

    def _id(self, headers: Headers) -> bytes:
        value = _only(headers, self.id) or b""
        if not _ID.fullmatch(value) or (self.identified and not self.template.separators.isdisjoint(value)):
            raise Rejected("the message has no acceptable id")
        return value


def check_time(sent: Sent, now: float, tolerance: float) -> None:
    """`now` in Unix seconds. Raises Rejected for a message from too long ago, or from too far ahead."""
    if not sent.timestamp:
        return
    ahead = int(sent.timestamp) - now
    if ahead > tolerance:
        raise Rejected("the message is from the future")
    if -ahead > tolerance:
        raise Rejected("the message is too old")


def matched(form: Format, sent: Sent, body: bytes, secrets: Sequence[bytes]) -> int | None:
    """The index of the first secret with which the message was signed; None: with none of them."""
    text = form.template.filled(sent.id, sent.timestamp, body)
    encode = _ENCODE[form.encoding]
    found = None
    for index, secret in enumerate(secrets):
        code = hmac.new(secret, digestmod="sha256")
        for part in text:
            code.update(part)
        expected = encode(code.digest())
        for signature in sent.signatures:
            if hmac.compare_digest(expected, signature) and found is None:
                found = index
    return found


def mark_of_id(sent: Sent) -> bytes:
    """What a message is remembered by, whatever it says: its id."""
    return hashlib.sha256(b"id\0" + sent.id).digest()


def mark_of_text(form: Format, sent: Sent, body: bytes) -> bytes:
    """What a message is remembered by, whatever its id: all that is signed. The signature itself would not do, as
    another of several secrets gives another one."""
    digest = hashlib.sha256(b"text\0")
    for part in form.template.filled(sent.id, sent.timestamp, body):
        digest.update(part)
    return digest.digest()


def key_of(kind: str, secret: str) -> bytes:
    """The key that a secret stands for. Raises ValueError with a sentence."""
    if kind != "standard":
        key, least = secret.encode("utf-8"), LEAST_KEY
    else:
        least = 24
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            raise ValueError("a secret of Standard Webhooks is base64, behind whsec_") from None
    if len(key) < least:
        raise ValueError(f"a secret of {kind} webhooks has at least {least} bytes")
    return key


def _only(headers: Headers, name: bytes) -> bytes | None:
    values = headers.all(name)
    if len(values) > 1:
        raise Problem(problems.AMBIGUOUS_CREDENTIALS, f"{name.decode('latin-1')} was sent {len(values)} times")
    return values[0] if values else None


def prefixed(prefix: bytes) -> Callable[[bytes], Codes]:
    """A field that is one code behind a prefix."""
    return lambda value: (b"", [value.removeprefix(prefix)] if value.startswith(prefix) else [])


def _versioned(value: bytes) -> Codes:
    """`v1,<code> v1,<code> v1a,<code>`: what is not of version 1 is for others."""
    return b"", [each[3:] for each in value.split(b" ") if each.startswith(b"v1,")]


def _listed(value: bytes) -> Codes:
    """`t=<time>,v1=<code>,v1=<code>,v0=<code>`, with exactly one time."""
    pairs = [each.partition(b"=") for each in value.split(b",")]
    times = [said for name, _, said in pairs if name == b"t"]
    return times[0] if len(times) == 1 else b"", [said for name, _, said in pairs if name == b"v1"]


FORMATS: dict[str, Format] = {
    "standard": Format(
        b"webhook-signature",
        Template.parsed("{id}.{timestamp}.{body}"),
        _versioned,
        timestamp=b"webhook-timestamp",
        id=b"webhook-id",
        encoding="base64",
    ),
    "github": Format(b"x-hub-signature-256", Template.parsed("{body}"), prefixed(b"sha256="), id=b"x-github-delivery"),
    "slack": Format(
        b"x-slack-signature",
        Template.parsed("v0:{timestamp}:{body}"),
        prefixed(b"v0="),
        timestamp=b"x-slack-request-timestamp",
    ),
    "stripe": Format(b"stripe-signature", Template.parsed("{timestamp}.{body}"), _listed),
}
"""Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), and what GitHub, Slack and Stripe document."""
