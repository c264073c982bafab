"""Which references a tenant may use: `tenant_secrets` of the Gateway document.

In a pattern `{tenant}` is the tenant's name (for `env` in upper case, `-` as `_`), `*` is anything but a slash. A
variable that the scope of a longer name covers as well (`KG_ACME_EU_KEY` for `acme` and `acme-eu`) is the longer's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
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


def scope_of(tenant: str, patterns: Sequence[str], tenants: Iterable[str]) -> InScope:
    """The check of one tenant's references."""
    own = [_compiled(pattern, tenant) for pattern in patterns]
    longer = [name for name in tenants if name != tenant and _word(name).startswith(_word(tenant))]
    others = [(name, [_compiled(pattern, name) for pattern in patterns]) for name in longer]

    def in_scope(kind: str, name: str, folder: Path) -> str:
        said = f"{kind}:{name}" if kind == "env" else f"{kind}:{os.path.normpath(folder / name)}"
        if not any(pattern.fullmatch(said) for pattern in own):
            return f'{said} lies outside the scope of tenant "{tenant}" ({_said(patterns, tenant)})'
        for other, theirs in others:
            if any(pattern.fullmatch(said) for pattern in theirs):
                return f'{said} is in the scope of tenant "{other}", not of "{tenant}"'
        return ""

    return in_scope


def _compiled(pattern: str, tenant: str) -> re.Pattern[str]:
    return re.compile(re.escape(_filled(pattern, tenant)).replace(r"\*", "[^/]*"))


def _filled(pattern: str, tenant: str) -> str:
    return pattern.replace("{tenant}", _word(tenant) if pattern.startswith("env:") else tenant)


def _word(tenant: str) -> str:
    return tenant.upper().replace("-", "_")


def _said(patterns: Sequence[str], tenant: str) -> str:
    return ", ".join(_filled(pattern, tenant) for pattern in patterns) or "tenant_secrets is empty"
