"""One path: made canonical once, then matched, audited and forwarded in that form (RFC 3986, 6.2.2).

Forwarding the raw form would let `/crm/%61dmin` past a rule for `/crm/admin`. So percent-encoded unreserved
characters are decoded and hex digits put in upper case; whatever two parsers could read in two ways is refused.

A backend that needs such paths has an opaque route: behind its prefix no byte is changed. The raw form is then what is
matched, audited and forwarded. Refused is only what some reader could find outside of the prefix: `..` however it is
spelt, more often than names before it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from kapagate.chain import problems
from kapagate.chain.problem import Problem

_CANONICAL = re.compile(rb"(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9\-._~!$&'()*+,=:@]+)*/?")
_PATH_BYTES = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,=:@/%]*")
_QUERY_BYTES = re.compile(rb"[!\"$-~]*")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_FORBIDDEN = frozenset([*range(0x20), 0x7F, *b"/\\"])
_DOT = re.compile(rb"%2[Ee]")
_MAYBE_SLASH = re.compile(rb"\\|%2[Ff]|%5[Cc]")
_MAYBE_SEMICOLON = re.compile(rb";|%3[Bb]")


def split_target(target: bytes) -> tuple[bytes, str]:
    """Path and query of a request target in origin form (RFC 9112, 3.2.1). Raises Problem `malformed-path`."""
    path, _, query = target.partition(b"?")
    if not path.startswith(b"/"):
        raise _malformed("the request target must start with '/'")
    if not _QUERY_BYTES.fullmatch(query):
        raise _malformed("the query has a character that must be percent-encoded")
    return path, query.decode("ascii")


def canonical(path: bytes) -> str:
    """The canonical form of a path. Raises Problem `malformed-path` that says what to mend."""
    if _CANONICAL.fullmatch(path):
        return path.decode("ascii")
    if not _PATH_BYTES.fullmatch(path):
        raise _malformed("the path has a character that must be percent-encoded, or one such as ';' that is refused")
    decoded = _ESCAPE.sub(_decode, path)
    if b"//" in decoded:
        raise _malformed("the path has an empty segment; does your base URL end in '/'?")
    if any(segment in (b".", b"..") for segment in decoded.split(b"/")):
        raise _malformed("the path has a dot segment")
    if not _is_utf8(unquote_to_bytes(decoded)):
        raise _malformed("the path has percent-encoded bytes that are not UTF-8")
    return decoded.decode("ascii")


def opaque(path: bytes, prefix: str) -> str | None:
    """The path as it came, behind `prefix`, which ends in '/'; None where it begins otherwise. Raises Problem
    `malformed-path` for one that leads out of it or is none.
    """
    parts = path.split(b"/", prefix.count("/"))
    if len(parts) <= prefix.count("/") or not _is(prefix, b"/".join(parts[:-1]) + b"/"):
        return None
    rest = parts[-1]
    if not _QUERY_BYTES.fullmatch(rest):
        raise _malformed("the path has a character that must be percent-encoded")
    if _leads_out(rest):
        raise _malformed("the path leads out of its route")
    return prefix + rest.decode("ascii")


def _is(prefix: str, begun: bytes) -> bool:
    try:
        return canonical(begun) == prefix
    except Problem:
        return False


def _leads_out(rest: bytes) -> bool:
    """To some reader: all decode dots; encoded slashes and backslashes may be slashes, parameters and empty segments
    may be dropped, before or after. So of what is between slashes the first name counts, and whatever may be a `..`.
    """
    depth = 0
    for segment in _DOT.sub(b".", rest).split(b"/"):
        first, *others = (_MAYBE_SEMICOLON.split(part, 1)[0] for part in _MAYBE_SLASH.split(segment))
        depth += -1 if first == b".." else first not in (b"", b".")
        depth -= others.count(b"..")
        if depth < 0:
            return True
    return False


def _is_utf8(text: bytes) -> bool:
    """No overlong forms either: `%C0%AF` is a slash to some parsers."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode(escape: re.Match[bytes]) -> bytes:
    if escape[1] is None:
        raise _malformed("the path has a '%' that starts no escape")
    byte = int(escape[1], 16)
    if byte in _FORBIDDEN:
        raise _malformed("the path has an encoded slash, backslash or control character")
    return bytes([byte]) if byte in _UNRESERVED else b"%%%02X" % byte


def _malformed(detail: str) -> Problem:
    return Problem(problems.MALFORMED_PATH, detail)
