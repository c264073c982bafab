"""The page that a question came from, `metadata.origin_url` of a question."""

from __future__ import annotations

from typing import Any


def from_referer(document: Any, referer: str | None) -> Any:
    """The document with the field's page where the client names none itself."""
    if not isinstance(document, dict) or not referer:
        return document
    said = document.get("metadata")
    if said is None or (isinstance(said, dict) and said.get("origin_url") is None):
        return {**document, "metadata": {**(said or {}), "origin_url": referer}}
    return document


def without(document: Any, referer: str | None) -> Any:
    """The document without any page."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name != "metadata"}
