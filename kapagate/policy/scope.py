"""Which references a tenant may use: `tenant_secrets` of the Gateway document.

In a pattern `{tenant}` is the tenant's name (for `env` in upper case, `-` as `_`), `*` is anything but a slash. A
variable that the scope of a longer name covers as well (`KG_ACME_EU_KEY` for `acme` and `acme-eu`) is the longer's.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from kapagate.policy.interpolation import InScope

_PATTERN = re.compile(r"(env|file):\S+")


def malformed(pattern: str) -> str | None:
    """What is wrong with a pattern."""
    if not _PATTERN.fullmatch(pattern):
        return "expected env:NAME or file:PATH, with {tenant} and *"
    return (
        None if "{tenant}" in pattern else "the pattern must hold {tenant}, or every tenant could use what is another's"
    )


class Scopes:
    """The scopes of all tenants."""

    def __init__(self, patterns: Sequence[str], tenants: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self._words = sorted((_word(name), name) for name in tenants)

    def of(self, tenant: str) -> InScope:
        """The check of one tenant's references."""
        others = tuple(self.longer(tenant))

        def in_scope(kind: str, name: str, folder: Path) -> str:
            said = f"{kind}:{name}" if kind == "env" else f"{kind}:{os.path.normpath(folder / name)}"
            if not self._covers(tenant, said):
                return f'{said} lies outside the scope of tenant "{tenant}" ({_said(self._patterns, tenant)})'
            for other in others:
                if self._covers(other, said):
                    return f'{said} is in the scope of tenant "{other}", not of "{tenant}"'
            return ""

        return in_scope

    def _covers(self, tenant: str, said: str) -> bool:
        """Whether a tenant's scope has a reference. Most patterns are told apart by how they begin."""
        filled = [_filled(pattern, tenant) for pattern in self._patterns]
        return any(_compiled(each).fullmatch(said) for each in filled if said.startswith(each.partition("*")[0]))

    def longer(self, tenant: str) -> Iterable[str]:
        """The tenants whose names begin with this one's."""
        word = _word(tenant)
        for index in range(bisect_left(self._words, (word, "")), len(self._words)):
            other, name = self._words[index]
            if not other.startswith(word):
                return
            if name != tenant:
                yield name


@lru_cache(1024)
def _compiled(filled: str) -> re.Pattern[str]:
    return re.compile(re.escape(filled).replace(r"\*", "[^/]*"))


def _filled(pattern: str, tenant: str) -> str:
    return pattern.replace("{tenant}", _word(tenant) if pattern.startswith("env:") else tenant)


def _word(tenant: str) -> str:
    return tenant.upper().replace("-", "_")


def _said(patterns: Sequence[str], tenant: str) -> str:
    return ", ".join(_filled(pattern, tenant) for pattern in patterns) or "tenant_secrets is empty"
