"""Kapa's links, made to lead to the gateway: Kapa's own host is told to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from kapagate.chain.path import canonical
from kapagate.chain.problem import Problem
from kapagate.chain.query import parameters_of
from kapagate.kapa.fields import Shape


def relinked(link: Any, address: str, shapes: Mapping[str, Shape]) -> str | None:
    """A link to another page of what was asked for at `address`. Of Kapa's link only the parameters are kept, and of
    those only the ones that a client may say.
    """
    if not isinstance(link, str):
        return None
    try:
        said = parameters_of(urlsplit(link).query)
    except (ValueError, Problem):
        return None
    kept = {name: value for name, value in said.items() if name in shapes and _fits(shapes[name], value)}
    return f"{address}?{urlencode(kept)}" if kept else address


def path_of(link: bytes, prefix: str) -> str:
    """The path of one of Kapa's links without the base URL's, as clients of the gateway know it; '/' when it has none
    that could be theirs.
    """
    try:
        path = canonical(urlsplit(link.decode("ascii")).path.encode("ascii"))
    except (ValueError, Problem):
        return "/"
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else "/"


def _fits(shape: Shape, value: str) -> bool:
    try:
        shape(value)
    except ValueError:
        return False
    return True
