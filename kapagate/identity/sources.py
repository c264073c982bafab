"""What an upstream may be told of a caller, by the name of its source, and which of it is personal."""

from __future__ import annotations

from collections.abc import Callable
from re import compile as pattern
from typing import Any

from kapagate.chain.exchange import Exchange
from kapagate.chain.principal import PRINCIPAL, TENANT
from kapagate.identity.claims import claim
from kapagate.identity.language import language_of
from kapagate.identity.pseudonym import Pseudonyms

PERSONAL = frozenset(
    {
        *("email", "emails", "mail", "upn", "unique_name", "phone", "phone_number", "mobile", "address", "birthdate"),
        *("name", "full_name", "given_name", "first_name", "middle_name", "family_name", "last_name", "nickname"),
        *("preferred_username", "username", "user_name", "login", "displayname", "display_name", "gender"),
        *("profile", "picture", "website", "ip", "ipaddr", "ip_address"),
        *("sub", "oid", "uid", "user_id", "userid", "employee_id", "employee_number", "employeenumber"),
    }
)
"""Claims that are about a person whatever they hold, in lower case, at any depth."""
PLAIN = (
    *("tenant", "tenant_name", "roles", "role", "subject", "pseudonym"),
    *("session", "integration", "language"),
)
PER_REQUEST = frozenset({"language"})
"""Sources that do not follow from principal, tenant and upstream alone."""
CLAIM = "claim:"
_ADDRESS = pattern(r"[^\s@,;<>]@[^\s@,;<>]+\.[^\s@,;<>]")
_MOST_CHARACTERS = 256
_MOST_TEXTS = 32

Value = str | tuple[str, ...]
Get = Callable[[Exchange], Value | None]
"""One line of bounded length without control characters, or several; None and empty where the caller has nothing."""


def check_source(source: str) -> None:
    """Raises ValueError for what is no source."""
    if not source.startswith(CLAIM):
        if source not in PLAIN:
            raise ValueError(f"expected one of {', '.join(PLAIN)} or claim:<name>, got {source!r}")
    elif not 0 < len(source) - len(CLAIM) <= _MOST_CHARACTERS:
        raise ValueError("claim: needs the name of a claim")


def is_personal(source: str) -> bool:
    """Whether a source says who a person is, going by its name."""
    if not source.startswith(CLAIM):
        return source == "subject"
    return not PERSONAL.isdisjoint(part.lower() for part in source.removeprefix(CLAIM).split("."))


def getter(source: str, pseudonyms: Pseudonyms, personal: bool = False) -> Get:
    """How a source is read of an exchange that has its principal. Unless it may be `personal`, a claim that holds an
    e-mail address under an innocent name is nothing.
    """
    if source.startswith(CLAIM):
        name = source.removeprefix(CLAIM)
        read = _plain if personal else _impersonal
        return lambda exchange: read(claim(exchange[PRINCIPAL].claims, name))
    if source == "session":
        return lambda exchange: _session(exchange, pseudonyms)
    if source == "pseudonym":
        return lambda exchange: pseudonyms.of(exchange[PRINCIPAL].tenant, exchange[PRINCIPAL].subject)
    return _GETTERS[source]


def one_line(value: Value | None) -> str:
    return ",".join(value) if isinstance(value, tuple) else value or ""


def _session(exchange: Exchange, pseudonyms: Pseudonyms) -> str | None:
    principal = exchange[PRINCIPAL]
    return pseudonyms.session(principal.tenant, principal.session) if principal.session else None


def _integration(exchange: Exchange) -> str | None:
    upstream = exchange.route.upstream
    account = exchange[TENANT].accounts.get(upstream.name) if upstream is not None else None
    return account.integration_id if account is not None else None


def _plain(value: Any) -> Value | None:
    """A claim that is a scalar, or a list of texts; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(_bounded(item) for item in value[:_MOST_TEXTS])
    return _bounded(str(value)) if isinstance(value, str | int | float) else None


def _impersonal(value: Any) -> Value | None:
    text = _plain(value)
    return None if _ADDRESS.search(one_line(text)) else text


def _bounded(text: str) -> str:
    return "".join(character for character in text[:_MOST_CHARACTERS] if character.isprintable())


_GETTERS: dict[str, Get] = {
    "tenant": lambda exchange: exchange[TENANT].name,
    "tenant_name": lambda exchange: exchange[TENANT].display_name or exchange[TENANT].name,
    "roles": lambda exchange: exchange[PRINCIPAL].roles,
    "role": lambda exchange: next(iter(exchange[PRINCIPAL].roles), None),
    "subject": lambda exchange: _bounded(exchange[PRINCIPAL].subject),
    "integration": _integration,
    "language": language_of,
}
