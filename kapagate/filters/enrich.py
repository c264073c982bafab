"""Tells the upstream what it may know about the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter
from kapagate.chain.principal import PRINCIPAL, TENANT
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.identity.claims import claim, text_claim
from kapagate.identity.language import preferred, primary_tag
from kapagate.identity.pseudonym import Pseudonyms

PERSONAL = frozenset(
    {
        *("email", "emails", "mail", "upn", "unique_name", "phone", "phone_number", "mobile", "address", "birthdate"),
        *("name", "full_name", "given_name", "first_name", "middle_name", "family_name", "last_name", "nickname"),
        *("preferred_username", "username", "user_name", "login", "displayname", "display_name", "gender"),
        *("profile", "picture", "website", "ip", "ipaddr", "ip_address"),
    }
)
_PLAIN = ("tenant", "tenant_name", "roles", "role", "session", "integration", "language")
_CLAIM = "claim:"
_MOST_CHARACTERS = 256

Get = Callable[[Exchange], str | None]
Told = tuple[dict[str, str], str]
"""The context, and the pseudonym."""


def _source(text: str) -> str:
    if not text.startswith(_CLAIM):
        if text not in _PLAIN:
            raise ValueError(f"expected one of {', '.join(_PLAIN)} or claim:<name>, got {text!r}")
        return text
    name = text.removeprefix(_CLAIM)
    if not name or len(name) > _MOST_CHARACTERS:
        raise ValueError("claim: needs the name of a claim")
    if PERSONAL.intersection(part.lower() for part in name.split(".")):
        raise ValueError(f"{name} is personal; the policy cannot add it")
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Source = Annotated[str, AfterValidator(_source)]


class Enrich(Filter):
    """Adds context about the caller to what goes upstream, and puts a pseudonym in the person's place.

    The upstream's type decides where its API has a place for it. What the caller has not got is left out. Personal
    claims (`email`, `name`, `phone_number` and their like) cannot be added.
    """

    add: dict[Name, Source] = Field(
        max_length=32,
        description="What is added, as `name: source`. Sources: `tenant`, `tenant_name`, `roles`, `role` (the first in "
        "the policy's order), `session` (as a pseudonym), `integration`, `language` (the claim `locale`, else "
        "`Accept-Language`), `claim:<name>`.",
    )

    def compile(self, services: Services) -> Step:
        pseudonyms = services[Pseudonyms]
        additions = tuple((name, _getter(source, pseudonyms)) for name, source in self.add.items())
        context = _Context(pseudonyms, additions, "language" not in self.add.values())
        return Step(reads=frozenset({PRINCIPAL, TENANT}), on_request=context.add)


@dataclass(frozen=True, slots=True, eq=False)
class _Context:
    """The compiled filter. `steady`: what is added follows from principal, tenant and upstream, so it is made once."""

    pseudonyms: Pseudonyms
    additions: tuple[tuple[str, Get], ...]
    steady: bool

    async def add(self, exchange: Exchange) -> None:
        facts = exchange.facts
        kept, key = facts[PRINCIPAL].kept, (self, facts[TENANT], exchange.route.upstream)
        told: Told | None = kept.get(key)
        if told is None:
            told = self._told(exchange)
            if self.steady:
                kept[key] = told
        context, pseudonym = told
        exchange.edit = exchange.edit.with_context(context).with_pseudonym(pseudonym)

    def _told(self, exchange: Exchange) -> Told:
        principal = exchange[PRINCIPAL]
        found = {name: value for name, get in self.additions if (value := get(exchange))}
        return found, self.pseudonyms.of(principal.tenant, principal.subject)


def _getter(source: str, pseudonyms: Pseudonyms) -> Get:
    if source.startswith(_CLAIM):
        name = source.removeprefix(_CLAIM)
        return lambda exchange: _plain_text(claim(exchange[PRINCIPAL].claims, name))
    if source == "session":
        return lambda exchange: _session(exchange, pseudonyms)
    return _GETTERS[source]


def _session(exchange: Exchange, pseudonyms: Pseudonyms) -> str | None:
    principal = exchange[PRINCIPAL]
    return pseudonyms.session(principal.tenant, principal.session) if principal.session else None


def _integration(exchange: Exchange) -> str | None:
    upstream = exchange.route.upstream
    account = exchange[TENANT].accounts.get(upstream.name) if upstream is not None else None
    return account.integration_id if account is not None else None


def _language(exchange: Exchange) -> str | None:
    locale = text_claim(exchange[PRINCIPAL].claims, "locale")
    tag = primary_tag(locale) if locale else None
    accepted = exchange.request.headers.get(b"accept-language")
    return tag or (preferred(accepted) if accepted else None)


def _plain_text(value: Any) -> str | None:
    """A claim as one bounded line; None for what is no scalar or list of texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ",".join(value)
    if not isinstance(value, str | int | float):
        return None
    return "".join(character for character in str(value)[:_MOST_CHARACTERS] if character.isprintable())


_GETTERS: dict[str, Get] = {
    "tenant": lambda exchange: exchange[TENANT].name,
    "tenant_name": lambda exchange: exchange[TENANT].display_name or exchange[TENANT].name,
    "roles": lambda exchange: ",".join(exchange[PRINCIPAL].roles),
    "role": lambda exchange: next(iter(exchange[PRINCIPAL].roles), None),
    "integration": _integration,
    "language": _language,
}
