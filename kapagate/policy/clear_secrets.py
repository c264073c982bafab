"""Secrets that stand in clear where no secret is asked for: in a header to add, a URL, a comment that became a value.

Found are keys of known shapes (`guards/api_key.py`) in any value, passwords in URLs, and texts that look random under a
key that sounds like a secret. What a field of type secret holds is for the field itself to refuse.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from kapagate.guards.api_key import API_KEY
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping, Node, Scalar, Sequence

CLEAR = "a secret must be exactly one reference, such as ${env:NAME} or ${file:PATH}"
_SOUNDS_SECRET = re.compile(
    r"(secret|token|passw(or)?d|pwd|credentials?|pepper|private_?key|api_?key|(^|_)key)s?$", re.IGNORECASE
)
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]*:[^/?#@\s]+@", re.IGNORECASE)
_RANDOM = re.compile(r"[A-Za-z0-9+/=_.~-]{20,512}")
_PLACE = re.compile(r"(unix:|\.{0,2}/)|[a-z0-9]+://")
_LEAST_ENTROPY = 3.2  # bits a character; 32 random hexadecimal digits have more


def check_clear_secrets(node: Node, problems: Diagnostics) -> None:
    """Notes every value of a document that looks like a secret; no report shows them."""
    for key, scalar in _values(node, ""):
        if _is_secret(key, scalar):
            problems.add(codes.CLEAR_SECRET, scalar.span, CLEAR, masked=True)


def _values(node: Node, key: str) -> Iterator[tuple[str, Scalar]]:
    """Every scalar, with the closest key above it."""
    if isinstance(node, Scalar):
        yield key, node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _values(item, key)
    elif isinstance(node, Mapping):
        for name, entry in node.entries.items():
            yield from _values(entry.value, name)


def _is_secret(key: str, scalar: Scalar) -> bool:
    text = scalar.text
    if len(text) < 12 or "${" in text:
        return False
    return (
        _has_known_shape(text)
        or bool(_PASSWORD.match(text))
        or (bool(_SOUNDS_SECRET.search(key)) and _looks_random(text))
    )


def _has_known_shape(text: str) -> bool:
    data = text.encode("utf-8", "replace")
    return any(True for _ in API_KEY.find(data, 0, len(data)))


def _looks_random(text: str) -> bool:
    if not _RANDOM.fullmatch(text) or _PLACE.match(text):
        return False
    if not (any(c.isdigit() for c in text) and any(c.isalpha() for c in text)):
        return False
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts) >= _LEAST_ENTROPY
