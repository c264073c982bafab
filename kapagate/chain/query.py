"""A request's query as a document, so that steps see the same of it as the upstream does."""

from __future__ import annotations

from urllib.parse import parse_qsl

from kapagate.chain import problems
from kapagate.chain.problem import Problem

_MOST = 64


def parameters_of(query: str) -> dict[str, str]:
    """The parameters (`application/x-www-form-urlencoded`), those without a value left out.

    Raises Problem `malformed-request` for a name that stands there twice, which two readers could take differently, for
    bytes that are not UTF-8, and for too many.
    """
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except ValueError:
        raise _malformed(f"the query is not UTF-8 or has more than {_MOST} parameters") from None
    document = dict(pairs)
    if len(document) != len(pairs):
        raise _malformed("a parameter stands in the query twice")
    return {name: value for name, value in document.items() if value}


def _malformed(detail: str) -> Problem:
    return Problem(problems.MALFORMED_REQUEST, detail)
