"""Keys and tokens of known shapes, JSON web tokens and private key blocks.

Each shape is a prefix that its vendor publishes, and the characters and length of what follows. A finding starts where
no word goes on to the left, and ends with its characters: what is longer than `longest` is redacted up to there.
"""

from __future__ import annotations

from kapagate.guards.detector import Detector, Span
from kapagate.guards.regex import regex

_LONGEST = 8192

# Prefix, and what follows it.
_SHAPES: tuple[tuple[bytes, bytes], ...] = (
    (rb"kg_", rb"[a-z0-9]{2,16}_[A-Za-z0-9]{4,64}_[A-Za-z0-9-]{16,}"),  # kapagate
    (rb"sk-", rb"(?:proj|svcacct|admin|ant|or|lf|None)-[\w-]{20,}|[A-Za-z0-9]{20,}"),  # OpenAI, Anthropic, OpenRouter
    (rb"(?:AKIA|ASIA|ABIA|ACCA)", rb"[A-Z0-9]{16}"),  # AWS access key ids
    (rb"gh[pousr]_", rb"[A-Za-z0-9]{36,}"),  # GitHub
    (rb"github_pat_", rb"\w{22,}"),
    (rb"glpat-", rb"[\w-]{20,}"),  # GitLab
    (rb"xox[abeoprs]-", rb"[A-Za-z0-9-]{10,}"),  # Slack
    (rb"xapp-", rb"\d-[A-Za-z0-9-]{10,}"),
    (rb"[psr]k_(?:live|test)_", rb"[A-Za-z0-9]{10,}"),  # Stripe
    (rb"whsec_", rb"[A-Za-z0-9+/=]{24,}"),  # Stripe, Standard Webhooks
    (rb"AIza", rb"[\w-]{35}"),  # Google
    (rb"GOCSPX-", rb"[\w-]{28}"),
    (rb"ya29\.", rb"[\w-]{20,}"),
    (rb"npm_", rb"[A-Za-z0-9]{36}"),
    (rb"pypi-", rb"AgE[\w-]{50,}"),
    (rb"SG\.", rb"[\w-]{16,32}\.[\w-]{16,64}"),  # SendGrid
    (rb"hf_", rb"[A-Za-z0-9]{30,}"),  # Hugging Face
    (rb"do[opr]_v1_", rb"[a-f0-9]{64}"),  # DigitalOcean
    (rb"shp(?:at|ca|pa|ss)_", rb"[a-fA-F0-9]{32}"),  # Shopify
    (rb"dapi", rb"[a-f0-9]{32}"),  # Databricks
    (rb"gsk_", rb"[A-Za-z0-9]{40,}"),  # Groq
    (rb"xai-", rb"[A-Za-z0-9]{40,}"),
    (rb"pplx-", rb"[A-Za-z0-9]{40,}"),  # Perplexity
    (rb"key-", rb"[a-f0-9]{32}"),  # Mailgun
    (rb"SK", rb"[a-f0-9]{32}"),  # Twilio
    (rb"ATATT3", rb"[\w=-]{50,}"),  # Atlassian
    (rb"dckr_(?:pat|oat)_", rb"[\w-]{20,}"),  # Docker
    (rb"HRKU-", rb"[\w-]{30,}"),  # Heroku
    (rb"(?:ntn|secret)_", rb"[A-Za-z0-9]{40,}"),  # Notion
    (rb"lin_api_", rb"[A-Za-z0-9]{32,}"),  # Linear
    (rb"figd_", rb"[\w-]{30,}"),  # Figma
    (rb"PMAK-", rb"[a-f0-9]{24}-[a-f0-9]{34}"),  # Postman
    (rb"NRAK-", rb"[A-Z0-9]{27}"),  # New Relic
    (rb"gl(?:sa|c)_", rb"[\w=+/-]{32,}"),  # Grafana
    (rb"sntry[su]_", rb"[\w=+/-]{40,}"),  # Sentry
    (rb"hv[sbr]\.", rb"[\w-]{24,}"),  # HashiCorp Vault
    (rb"dp\.(?:pt|st|ct)\.", rb"[\w.-]{32,}"),  # Doppler
    (rb"pscale_", rb"(?:tkn|pw|oauth)_[\w.-]{32,}"),  # PlanetScale
    (rb"r8_", rb"[A-Za-z0-9]{37,}"),  # Replicate
    (rb"sq0[ac][ts][pb]-", rb"[\w-]{22,}"),  # Square
    (rb"AGE-SECRET-", rb"KEY-1[A-Z0-9]{58}"),  # age
    (rb"sb[pv]_", rb"[a-f0-9]{40}"),  # Supabase
    (rb"nfp_", rb"[A-Za-z0-9]{36,}"),  # Netlify
    (rb"pul-", rb"[a-f0-9]{40}"),  # Pulumi
    (rb"rubygems_", rb"[a-f0-9]{48}"),
    (rb"eyJ", rb"[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),  # JSON web tokens
)
_PREFIX = rb"\b(?:" + b"|".join(prefix for prefix, _ in _SHAPES) + rb")"  # of 13 characters at most
_KEY = regex(b"|".join(rb"%s(?:%s)" % shape for shape in _SHAPES))

_BREAK = rb"(?:\s|\\[nr])"
_PEM_HEAD = rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM_BODY = (
    rb"(?:" + _BREAK + rb"+(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash): ?[^\\\n]{0,80}){0,4}"
    rb"(?:" + _BREAK + rb"+[A-Za-z0-9+/=]{16,})*"
)
_PEM = regex(
    _PEM_HEAD + rb"(?:" + _PEM_BODY + _BREAK + rb"+(?:[A-Za-z0-9+/=]{1,15}" + _BREAK + rb"+)?-----END [A-Z ]{0,50}-----"
    rb"|(?:" + _PEM_BODY + rb"))"
)
_OPEN_BREAK = rb"(?:" + _BREAK + rb"|\\)*"
_PEM_EMPTY = regex(_PEM_HEAD + rb"\z")
_RANDOM = regex(rb"\d|[A-Z].*[a-z]|[a-z].*[A-Z]|\A[A-Z]{20}\z")


def _block(data: bytes, start: int) -> Span | None:
    near = data[start : start + _LONGEST]
    found = _PEM.match(near)
    if found is None or _PEM_EMPTY.match(near[: found.span()[1]]):
        return None
    return start, start + found.span()[1]


def check(data: bytes, start: int, end: int) -> Span | None:
    if data[start : start + 1] == b"-":
        return _block(data, start)
    if data[max(0, start - 1) : start] == b"-":
        return None
    near = data[start : start + _LONGEST]
    found = _KEY.match(near)
    if found is None:
        return None
    length = found.span()[1]
    if near[length : length + 1].isalnum() or not _RANDOM.search(near[:length]):
        return None
    return start, start + length


API_KEY = Detector(
    name="api_key",
    placeholder="<api_key>",
    pattern=_PREFIX + rb"[A-Za-z0-9]|-----BEGIN [A-Z ]{0,40}PRIVATE KEY",
    unfinished=(
        _PREFIX + rb"[\w.+/=-]*|\b[A-Za-z][\w.-]{0,12}"
        rb"|-{1,4}|-----(?:B(?:E(?:G(?:I(?:N(?: [A-Z ]{0,60}-{0,5})?)?)?)?)?)?"
        rb"|" + _PEM_HEAD + _PEM_BODY + _OPEN_BREAK + rb"[A-Za-z0-9+/=]{0,15}" + _OPEN_BREAK + rb"[A-Za-z -]{0,70}"
    ),
    longest=_LONGEST + 1,
    before=1,
    severity=4,
    confidence=0.97,
    check=check,
)
