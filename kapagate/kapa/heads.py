"""The heads of Kapa's answers: which are refused, which a guard can read, what of them the client gets."""

from __future__ import annotations

import re
from typing import Final

from kapagate.chain import problems
from kapagate.chain.hop import Inbound
from kapagate.chain.problem import Problem

Fields = list[tuple[bytes, bytes]]

JSON: Final = (b"Content-Type", b"application/json")
OBJECTS: Final = frozenset({b"application/json"})
RECORDS: Final = OBJECTS | {b"text/plain"}
_RELAYED = frozenset({b"content-type", b"content-encoding", b"retry-after", b"cache-control"})
_RELAYED_BESIDE_JSON = ((b"cache-control", b"Cache-Control"), (b"retry-after", b"Retry-After"))
_SAYABLE = re.compile(rb'[A-Za-z0-9=," :+-]{0,200}')  # directives, seconds, dates
_SECONDS = re.compile(rb"[0-9]{1,9}")
_FAILURES = {429: problems.UPSTREAM_LIMITED, 503: problems.UPSTREAM_UNAVAILABLE}


def refusal_of(head: Inbound) -> Problem | None:
    """What is told in the place of an answer with a status from 300 on; None where it can be told itself."""
    if head.status in (401, 403):
        return Problem(problems.UPSTREAM_CREDENTIALS, "Kapa refused the key that this gateway holds for the tenant")
    if head.status < 400:
        return Problem(problems.UPSTREAM_MALFORMED, "Kapa answered with a redirect, which is never followed")
    return None if _is(head, OBJECTS) else _failed(head)


def unreadable(head: Inbound, medias: frozenset[bytes]) -> str:
    """Why no guard could see the same bytes as the client, whole and in plain; empty when one can."""
    coded = any(coding not in (b"", b"identity") for coding in head.headers.all(b"content-encoding"))
    if head.status == 206 or coded:
        return "partial or coded"
    return "" if _is(head, medias) else "not JSON"


def as_it_came(head: Inbound) -> Fields:
    """The fields of an answer that passes as it is."""
    return [field for field in head.headers.raw if field[0].lower() in _RELAYED]


def written_again(head: Inbound) -> Fields:
    """The fields of an answer that was read; of those that are relayed, none that could say more than it should."""
    told = [(name, value) for lower, name in _RELAYED_BESIDE_JSON for value in head.headers.all(lower)]
    return [JSON, *[field for field in told if _SAYABLE.fullmatch(field[1])]]


def wait_of(head: Inbound) -> float | None:
    """The seconds of an answer's `Retry-After`; None where it says none that could be meant."""
    said = head.headers.get(b"retry-after") or b""
    return float(said) if _SECONDS.fullmatch(said) else None


def _is(head: Inbound, medias: frozenset[bytes]) -> bool:
    said = head.headers.get(b"content-type") or b""
    return said in medias or said.partition(b";")[0].strip().lower() in medias


def _failed(head: Inbound) -> Problem:
    """An error in words that nobody here can vouch for: a page of what stands in front of Kapa."""
    detail = f"Kapa answered with an error that is not shown (status {head.status})"
    kind = _FAILURES.get(head.status, problems.UPSTREAM_FAILED)
    return Problem(kind, detail, retry_after=wait_of(head))
