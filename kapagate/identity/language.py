"""Which language a caller prefers."""

from __future__ import annotations

import re
from functools import lru_cache

from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import PRINCIPAL

_PRIMARY = re.compile(r"([A-Za-z]{2,8})(?:[-_][A-Za-z0-9_-]*)?", re.ASCII)
_WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)", re.ASCII)
_MOST_RANGES = 16


def language_of(exchange: Exchange) -> str | None:
    """The primary tag of the caller's claim `locale`, else of what `Accept-Language` wants most."""
    principal = exchange.facts.get(PRINCIPAL)
    locale = principal.claims.get("locale") if principal is not None else None
    if isinstance(locale, str) and (tag := primary_tag(locale)) is not None:
        return tag
    accepted = exchange.request.headers.get(b"accept-language")
    return preferred(accepted) if accepted else None


def primary_tag(text: str) -> str | None:
    """`de` of `de-CH` or `de_CH` (RFC 5646, 2.2.1), in lower case; None for anything else."""
    found = _PRIMARY.fullmatch(text.strip())
    return found[1].lower() if found and len(text) <= 64 else None


@lru_cache(maxsize=1024)
def preferred(accept_language: bytes) -> str | None:
    """The primary tag that `Accept-Language` wants most (RFC 9110, 12.5.4), of its first sixteen; None for `*`."""
    best, heaviest = None, 0.0
    for item in accept_language.decode("ascii", "replace").split(",", _MOST_RANGES)[:_MOST_RANGES]:
        wanted, _, parameters = item.partition(";")
        weight = _weight(parameters)
        tag = primary_tag(wanted)
        if tag is not None and weight > heaviest:
            best, heaviest = tag, weight
    return best


def _weight(parameters: str) -> float:
    found = _WEIGHT.fullmatch(parameters.strip())
    return float(found[1]) if found else 0.0 if parameters else 1.0
