"""Keys and tokens of known shapes, JSON web tokens and private key blocks.

Each shape is a prefix that its vendor publishes, and the characters and length of what follows. A finding starts where
no word goes on to the left, and ends with its characters: what is longer than `longest` is redacted up to there. Where
the vendor publishes a check as well (`vendors.py`), a key with a right one is found wherever it stands, in the middle
of a word too. One with a wrong one is a key by its shape: mistyped, or made up as those in documentation are.
"""

from __future__ import annotations

import re

from kapagate.guards.detector import Detector, Span
from kapagate.guards.vendors import CHECKED, verified

_LONGEST = 8192
_LONGEST_NESTING = 1024  # where a key may begin within another, which is then read again
_NESTING = rb",%d}" % _LONGEST_NESTING

# Prefix, and what follows it.
_SHAPES: tuple[tuple[bytes, bytes], ...] = (
    (rb"kg_", rb"[a-z0-9]{2,16}_[A-Za-z0-9]{4,64}_[A-Za-z0-9-]{16,}"),  # kapagate
    (rb"sk-", rb"(?:proj|svcacct|admin|ant|or|lf|None)-[\w-]{20,}|[A-Za-z0-9]{20,}"),  # OpenAI, Anthropic, OpenRouter
    (rb"(?:AKIA|ASIA|ABIA|ACCA)", rb"[A-Z0-9]{16}"),  # AWS access key ids
    (rb"gh[pousr]_", rb"[A-Za-z0-9]{36,}"),  # GitHub
    (rb"github_pat_", rb"\w{22,}"),
    (rb"gl(?:pat|rt|dt|ptt|ft|soat|agent|imt|cbt)-", rb"[\w-]{20,}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?"),  # GitLab
    (rb"xox[abeoprs]-", rb"[A-Za-z0-9-]{10,}"),  # Slack
    (rb"xapp-", rb"\d-[A-Za-z0-9-]{10,}"),
    (rb"[psr]k_(?:live|test)_", rb"[A-Za-z0-9]{10,}"),  # Stripe
    (rb"whsec_", rb"[A-Za-z0-9+/=]{24" + _NESTING),  # Stripe, Standard Webhooks
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
    (rb"AT(?:ATT|CTT)3", rb"[\w=-]{50" + _NESTING),  # Atlassian
    (rb"dckr_(?:pat|oat)_", rb"[\w-]{20,}"),  # Docker
    (rb"HRKU-", rb"[\w-]{30,}"),  # Heroku
    (rb"(?:ntn|secret)_", rb"[A-Za-z0-9]{40,}"),  # Notion
    (rb"lin_api_", rb"[A-Za-z0-9]{32,}"),  # Linear
    (rb"figd_", rb"[\w-]{30,}"),  # Figma
    (rb"PMAK-", rb"[a-f0-9]{24}-[a-f0-9]{34}"),  # Postman
    (rb"NRAK-", rb"[A-Z0-9]{27}"),  # New Relic
    (rb"gl(?:sa|c)_", rb"[\w=+/-]{32" + _NESTING),  # Grafana
    (rb"sntry[su]_", rb"[\w=+/-]{40" + _NESTING),  # Sentry
    (rb"hv[sbr]\.", rb"[\w-]{24,}"),  # HashiCorp Vault
    (rb"dp\.(?:pt|st|ct)\.", rb"[\w.-]{32" + _NESTING),  # Doppler
    (rb"pscale_", rb"(?:tkn|pw|oauth)_[\w.-]{32" + _NESTING),  # PlanetScale
    (rb"r8_", rb"[A-Za-z0-9]{37,}"),  # Replicate
    (rb"sq0[ac][ts][pb]-", rb"[\w-]{22,}"),  # Square
    (rb"AGE-SECRET-", rb"KEY-1[A-Z0-9]{58}"),  # age
    (rb"sb[pv]_", rb"[a-f0-9]{40}"),  # Supabase
    (rb"nfp_", rb"[A-Za-z0-9]{36,}"),  # Netlify
    (rb"pul-", rb"[a-f0-9]{40}"),  # Pulumi
    (rb"rubygems_", rb"[a-f0-9]{48}"),
    (rb"(?:https://)?hooks\.slack\.com/", rb"(?:services|workflows|triggers)/[A-Z0-9]{8,}/[\w/]{20,200}"),
    (rb"EAA", rb"[A-Za-z0-9]{80,}"),  # Facebook
    (rb"LTAI", rb"[A-Za-z0-9]{16,24}"),  # Alibaba
    (rb"AKCp", rb"[A-Za-z0-9]{50,}"),  # Artifactory
    (rb"tskey-", rb"(?:auth|api|client|webhook|scim)-[\w-]{20,}"),  # Tailscale
    (rb"ops_", rb"eyJ[\w-]{60,}"),  # 1Password
    (rb"CFPAT-", rb"[\w-]{40,}"),  # Contentful
    (rb"lin_oauth_", rb"[a-f0-9]{64}"),
    (rb"GR1348941", rb"[\w-]{20,}"),  # GitLab runners
    (rb"AC", rb"[a-f0-9]{32}"),  # Twilio accounts
    (rb"EAAA", rb"[\w-]{60}"),  # Square
    (rb"[MNO][A-Za-z0-9]{23,25}\.", rb"[\w-]{6}\.[\w-]{27,38}"),  # Discord
    (rb"[a-f0-9]{32}-us", rb"\d{1,2}"),  # Mailchimp
    (rb"sl\.", rb"[\w-]{100,}"),  # Dropbox
    (rb"cflt", rb"[A-Za-z0-9+/]{56" + _NESTING),  # Confluent
    (rb"dt0[a-z]\d\d\.", rb"[A-Z0-9]{24}\.[A-Z0-9]{64}"),  # Dynatrace
    (rb"pat[A-Za-z0-9]{14}\.", rb"[a-f0-9]{64}"),  # Airtable
    (rb"pat-(?:na|eu|ap)\d-", rb"[a-f0-9-]{36}"),  # HubSpot
    (rb"[A-Za-z0-9]{14}\.atlasv1\.", rb"[\w-]{60,70}"),  # HashiCorp Terraform
    (rb"fm[12]r?_", rb"[A-Za-z0-9+/=,]{100" + _NESTING),  # Fly.io
    (rb"fo1_", rb"[\w-]{43}"),
    (rb"shippo_(?:live|test)_", rb"[a-f0-9]{40}"),
    (rb"EZ[AT]K", rb"[A-Za-z0-9]{54}"),  # EasyPost
    (rb"duffel_(?:live|test)_", rb"[\w=-]{43}"),
    (rb"FLW(?:SEC|PUB)K", rb"(?:_TEST)?-[a-fA-F0-9]{12,32}(?:-X)?"),  # Flutterwave
    (rb"pnu_", rb"[A-Za-z0-9]{36}"),  # Prefect
    (rb"rdme_", rb"[a-z0-9]{70}"),  # ReadMe
    (rb"xkeysib-", rb"[a-f0-9]{64}-[A-Za-z0-9]{16}"),  # Brevo
    (rb"tfp_", rb"[\w.-]{59}"),  # Typeform
    (rb"lsv2_(?:pt|sk)_", rb"[a-f0-9]{32}_[a-f0-9]{10}"),  # LangSmith
    (rb"CLOJARS_", rb"[a-z0-9]{60}"),
    (rb"oy2", rb"[a-z0-9]{43}"),  # NuGet
    (rb"vc[aikpr]_", rb"[A-Za-z0-9]{24,}"),  # Vercel
    (rb"nvapi-", rb"[\w-]{60,}"),  # NVIDIA
    (rb"tvly-", rb"(?:dev-)?[A-Za-z0-9-]{30,}"),  # Tavily
    (rb"ph[cx]_", rb"[A-Za-z0-9]{40,}"),  # PostHog
    (rb"sgp_", rb"(?:[a-f0-9]{16}_|local_)?[a-f0-9]{40}"),  # Sourcegraph
    (rb"ABSK", rb"[A-Za-z0-9+/=]{100" + _NESTING),  # Amazon Bedrock
    (rb"amzn\.mws\.", rb"[a-f0-9-]{36}"),
    (rb"sha256~", rb"[\w-]{43}"),  # OpenShift
    (rb"\d{8,10}:AA", rb"[\w-]{33}"),  # Telegram
    (rb"eyJ", rb"[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),  # JSON web tokens
)
_PREFIX = (
    rb"\b(?:" + b"|".join(prefix for prefix, _ in _SHAPES) + rb")"
)  # `unfinished` names those of more than 16 characters
_NESTED = re.compile(b"|".join(prefix for prefix, rest in _SHAPES if rest.endswith(_NESTING)))
_KEY = re.compile(b"|".join(rb"%s(?:%s)" % shape for shape in _SHAPES))

_BREAK = rb"(?:\s|\\[nr])"
_PEM_HEAD = rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM_BODY = (
    rb"(?:" + _BREAK + rb"+(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash): ?[^\\\n]{0,80}){0,4}"
    rb"(?:" + _BREAK + rb"+[A-Za-z0-9+/=]{16,})*"
)
_PEM = re.compile(
    _PEM_HEAD + rb"(?:" + _PEM_BODY + _BREAK + rb"+(?:[A-Za-z0-9+/=]{1,15}" + _BREAK + rb"+)?-----END [A-Z ]{0,50}-----"
    rb"|(?:" + _PEM_BODY + rb"))"
)
_OPEN_BREAK = rb"(?:" + _BREAK + rb"|\\)*"
_PEM_EMPTY = re.compile(_PEM_HEAD)
_DIGIT = re.compile(rb"\d")
_FILLED, _LEAST_SIGNS = 16, 2  # what ends in xxxxxxxxxxxxxxxx is to be filled in
_AWS = re.compile(rb"[A-Z]{20}")


def _block(data: bytes, start: int) -> Span | None:
    found = _PEM.match(data, start, start + _LONGEST)
    return None if found is None or _PEM_EMPTY.fullmatch(found[0]) else found.span()


def _random(key: bytes) -> bool:
    if len(set(key[-_FILLED:])) < _LEAST_SIGNS:
        return False
    return bool(_DIGIT.search(key)) or not (key.islower() or key.isupper()) or bool(_AWS.fullmatch(key))


def check(data: bytes, start: int, end: int) -> Span | None:
    if data[start : start + 1] == b"-":
        return _block(data, start)
    if (end := verified(data, start)) > start:
        return start, end
    left = data[max(0, start - 1) : start]
    found = None if left.isalnum() or left in (b"-", b"_") else _KEY.match(data, start, start + _LONGEST)
    if found is None or not _random(found[0]):
        return None
    goes_on = data[found.end() : found.end() + 1].isalnum() and found.end() - start < _LONGEST_NESTING
    return None if goes_on else found.span()


def _at_bound(found: bytes) -> bool:
    """A block may have been cut at a line's end."""
    if found.startswith(b"-"):
        return len(found) >= _LONGEST - 2
    return len(found) >= _LONGEST or (len(found) >= _LONGEST_NESTING and _NESTED.match(found) is not None)


API_KEY = Detector(
    name="api_key",
    placeholder="<api_key>",
    pattern=_PREFIX + rb"[\w-]|" + CHECKED + rb"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY",
    unfinished=(
        _PREFIX + rb"[\w.+/=-]*|\b(?:https:/{0,2})?[A-Za-z][\w.-]{0,15}|\bhttps:/{0,2}|\b\d{1,10}(?::A?)?"
        rb"|\b[A-Za-z0-9]{14}\.[a-z0-9.]{0,9}|\b(?:[MNO]|pat)[A-Za-z0-9]{1,25}\.?|\b[a-f0-9]{1,32}(?:-u?)?"
        rb"|g(?:h[pousr]?|l|ls|lsa)?|n(?:p|pm)?|k|kg|(?:gh[pousr]|npm|glsa|kg)_\w{0,80}"
        rb"|-{1,4}|-----(?:B(?:E(?:G(?:I(?:N(?: [A-Z ]{0,60}-{0,5})?)?)?)?)?)?"
        rb"|" + _PEM_HEAD + _PEM_BODY + _OPEN_BREAK + rb"[A-Za-z0-9+/=]{0,15}" + _OPEN_BREAK + rb"[A-Za-z -]{0,70}"
    ),
    longest=_LONGEST + 1,
    before=1,
    severity=4,
    confidence=0.97,
    at_bound=_at_bound,
    check=check,
)
