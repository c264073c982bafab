"""Local parts of e-mail addresses: where the one begins that ends before an `@`.

RFC 5321 (section 4.1.2) allows any of ``!#$%&'*+-/=?^_`{|}~`` in a local part, and people and programs write the same
signs beside an address: `to=jane@...`, `*jane@...*`, `|jane@...|`, `/home/jane@...`. So every sign belongs to the
address, except where the text around it shows a key, a path, a query, a placeholder, or a pair that closes behind it.
"""

from __future__ import annotations

import re

from kapagate.guards.fold import CASED

LONGEST = 64
LOOK = LONGEST + 1
"""How many characters before the `@` decide."""
SIGNS = b"!#$%&'*+/=?^_`{|}~.-"
LOCAL = rb"[\w" + CASED + rb"!#$%&'*+/=?^`{|}~.-]"
"""One character of a local part, as a class of a pattern."""
_LETTER = rb"[A-Za-z0-9" + CASED + rb"]"
_QUOTED_CHARACTER = rb"[^\s\"\xa4]"
BEGUN = rb"%b+\\?\"?|\\?\"(?:[\w%b]%b*(?: %b*)?\\?\"?)?" % (*(LOCAL, CASED, _QUOTED_CHARACTER, _QUOTED_CHARACTER),)
"""At the end of a text: what may be a local part, or its beginning."""

_CHARACTERS = bytes(byte for byte in range(256) if re.match(LOCAL, b"%c" % byte))
_PLAIN = bytes(byte for byte in _CHARACTERS if byte not in b"!#$%&*/=?^`{|}~")
_OF_DOMAINS = bytes(byte for byte in _PLAIN if byte not in b"'+")
_NEVER_FIRST = b".+-%'`*|{}/="
_NEVER_LAST = (b".", b"/", b"=", b"|", b"{", b"&&")
_KEY = (
    rb"(?:mail|addr|address|user|name|login|account|contact|sender|recipient|owner|author|member|domain|filter|value"
    rb"|path|query|reply-?to|(?:\A|[^a-z0-9=])(?:[a-z]|to|cc|bcc|from|by|rcpt|key|id|uid|cn|sub|who|url|href|src|text)"
    rb"|[?&][\w.%-]*|(?-i:(?:\A|[^A-Za-z0-9=])[A-Z][A-Z_]*)|--[\w-]+)="
)
_DELIMITING = b"=%}"
_ENCODED = rb"%(?:0[9AD]|2[0-2678CF]|3[A-F]|5[BD]|7[BD])"  # of what parts words in a URL
_DELIMITED = re.compile(rb"(?is).*(?:" + _KEY + rb"|" + _ENCODED + rb"|\{[\w.:%-]*\})")
_PATH_CHARACTER = rb"[\w.~%+" + CASED + rb"-]"
_PATH = re.compile(
    rb"(?:(?:%b*/){2,}|[A-Za-z_-]*/|[\w-]*\.%b*/)(?:%b*[?#](?:%b+[=&])*)?"
    % (_PATH_CHARACTER, _PATH_CHARACTER, _PATH_CHARACTER, _PATH_CHARACTER)
)
_OPENING = {b"}": b"{", b"`": b"`", **dict.fromkeys((b"|", b"\n", b"\r", b""), b"|")}  # `|` in a row of a table
_PAIRED = {sign: re.compile(rb"(?s).*(?<!%b)%b" % (_LETTER, re.escape(sign))) for sign in (b"'", b"*", b"~", b"$")}
_PLACEHOLDER = re.compile(rb"['*]*(?:[._-]?(?:\$[A-Z_]{2,}|%[A-Z_]{2,}%|%[sdu]))+")
_WORDS = re.compile(rb"[\w" + CASED + rb"]")
_QUOTED = re.compile(
    rb"\\?\"(?=[\w%b])(?:%b{1,58}|%b{1,28} %b{1,28})\\?\"\Z"
    % (CASED, _QUOTED_CHARACTER, _QUOTED_CHARACTER, _QUOTED_CHARACTER)
)
_LAST_QUOTED = re.compile(LOCAL + rb"{1,62}\\?\"\Z")
_FILLED_IN = re.compile(rb"[$%{]")


def local_part(left: bytes, right: bytes) -> bytes:
    """The end of `left`, which is what stands before an `@`, that is a local part; empty when there is none.

    `left` has `LOOK` characters where the text has; `right` is the character behind the domain.
    """
    if left.endswith(b'"'):
        return _quoted(left)
    run = left[len(left.rstrip(_CHARACTERS)) :][-LONGEST:]
    if _PLACEHOLDER.fullmatch(run):
        return b""
    local = _own(run, left[-len(run) - 1 : -len(run)], right) if run.translate(None, _PLAIN) else run
    local = local.lstrip(_NEVER_FIRST + right if right in SIGNS else _NEVER_FIRST)
    return b"" if local.endswith(_NEVER_LAST) or not _WORDS.search(local) else local


def _own(run: bytes, before: bytes, right: bytes) -> bytes:
    """What is left of a run of local characters without what delimits it."""
    follows = before == b"@"  # another address, whose domain the run begins with
    if follows:
        run = run.lstrip(_OF_DOMAINS) or run
    if run.translate(None, _DELIMITING) != run and (cut := _DELIMITED.match(run)) is not None:
        run = run[cut.end() :]
    if b"/" in run and (cut := _PATH.match(run)) is not None:
        run = run[cut.end() :]
    if (opening := _OPENING.get(b"}" if before == b"\\" else right)) is not None:
        run = run.rpartition(opening)[2]
    elif (pair := _PAIRED.get(right)) is not None and (cut := pair.match(run)) is not None:
        run = run[cut.end() :]
    return run.lstrip(SIGNS) if follows else run


def _quoted(left: bytes) -> bytes:
    """One word or two between quotes; of more the last, for text before it has left."""
    found = _QUOTED.search(left) or _LAST_QUOTED.search(left)
    if found is None or _FILLED_IN.search(found[0]) or not _WORDS.search(found[0]):
        return b""
    return found[0]
