"""Who owns which thread and which answer.

Kapa's key opens a whole project, and a thread's address names no project: whoever knows an id could read on in the
thread. So the gateway remembers whose it is. The owner is a tenant's subject; ids are Kapa's UUIDs, in lower case.

    an answer is about to leave    its ids are claimed for the caller; they wait until that is stored
    a request names an id          the caller must be its owner; foreign and unknown get the same 404 on the same way
    threads are listed             only the caller's own stay, unless a role has `kapa.threads.all`

A claim is never taken from its owner. It ends when its time is over or when newer ones need its place; then the id is
unknown. Of an unknown thread Kapa can be asked (`unknown_thread: ask_kapa`): it is the caller's when Kapa says that
nobody but the caller's pseudonym took part. It is asked for foreign ones as well, so that they take as long. Of a
single answer Kapa cannot be asked, so an unknown one stays unknown.

A store that fails refuses: no id is let in that cannot be looked up, none leaves that cannot be stored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from kapagate.answer.document import value_at
from kapagate.answer.rules import AnswerRules
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.fact import Fact
from kapagate.chain.principal import NOBODY, PRINCIPAL, TENANT, Principal
from kapagate.chain.problem import Problem
from kapagate.chain.upstream import Innermost
from kapagate.kapa.fields import is_uuid, malformed
from kapagate.kapa.operation import Id, Operation
from kapagate.kapa.own_threads import OwnThreads, lists_of_threads
from kapagate.kapa.paths import not_found

SEES_ALL = "kapa.threads.all"
_UUID = 36
_OWN: Fact[Collection[str]] = Fact("kapa.own")


class Owners(Protocol):
    """The port to where claims are kept, bounded in number and age. `failure` says why nothing can be stored right now
    (empty: it can).
    """

    @property
    def failure(self) -> str: ...

    def claim(self, owner: str, names: Sequence[str], until: float) -> Awaitable[None] | None:
        """Stores that ids belong to `owner` until a wall time (Unix seconds); those of others stay theirs, the owner's
        own are kept longer. None: done; else it is when that returns. Raises BackendFailed, here or there.
        """

    async def owner_of(self, name: str) -> str | None:
        """Whose an id is; None for one that nobody has. Raises BackendFailed."""

    async def owned_by(self, owner: str) -> Collection[str]:
        """The newest ids of an owner. Raises BackendFailed."""


Enquire = Callable[[Exchange, str, str], Awaitable[Sequence[str] | None]]
"""Asks Kapa about a thread: the ids of its answers when nobody but this pseudonym took part, else None."""


class Ownership:
    """Ownership at one upstream. `pseudonym` makes the owner of tenant and subject; `allows` says whether roles have a
    permission; `keep` is how long a claim lasts, in seconds; without `enquire` unknown is refused.
    """

    def __init__(
        self,
        upstream: str,
        owners: Owners,
        pseudonym: Callable[[str, str], str],
        allows: Callable[[tuple[str, ...], str], bool],
        keep: float,
        enquire: Enquire | None,
    ) -> None:
        self._upstream = upstream
        self._owners = owners
        self._pseudonym = pseudonym
        self._allows = allows
        self._keep = keep
        self._enquire = enquire

    def step(self, operation: Operation) -> Innermost | None:
        """The upstream's own step for an operation; None where no ids of threads or answers are."""
        asked = tuple(each for each in operation.ids if each.part in ("path", "body"))
        lists = lists_of_threads(operation.ids)
        makes = any(each.part == "made" for each in operation.ids)
        if not (asked or lists or makes):
            return None
        filters = _Filters(self, lists) if lists else None
        return Innermost(
            f"{self._upstream}.ownership",
            on_request=filters.prepare if filters else _Admission(self, asked, operation.method == "GET").admit,
            on_answer=filters.rules if filters else None,
            on_identifiers=self.note if makes else None,
        )

    async def note(self, ex: Exchange, identifiers: Mapping[str, Any]) -> None:
        """Claims ids for the caller before they leave."""
        names = [each.lower() for each in identifiers.values() if isinstance(each, str) and len(each) == _UUID]
        await self._claim(ex, names)

    async def admit(self, ex: Exchange, name: str, what: str) -> None:
        """Raises Problem `not-found` unless the id is the caller's."""
        owner, found = self.owner(ex), await self._owners.owner_of(name)
        if found == owner:
            return
        person = ex.edit.pseudonym
        if what == "thread" and self._enquire is not None and person is not None:
            answers = await self._enquire(ex, name, person)
            if found is None and answers is not None:
                await self._claim(ex, [name, *answers])
                return
        raise unknown(what)

    async def own(self, ex: Exchange) -> Collection[str]:
        """The ids that are the caller's."""
        return await self._owners.owned_by(self.owner(ex))

    def check_store(self) -> None:
        """Raises Problem `unavailable` while nothing can be stored, before Kapa is asked for what could not be told."""
        if self._owners.failure:
            raise Problem(problems.UNAVAILABLE, "who owns the answer cannot be stored right now", retry_after=1)

    def sees_all(self, ex: Exchange) -> bool:
        """Whether a caller may read the threads of others. Never in a project that several tenants share: there a
        thread does not say which tenant's it is.
        """
        tenant = ex.get(TENANT)
        account = tenant.accounts.get(self._upstream) if tenant is not None else None
        own = account is not None and not account.shared
        return own and self._allows(ex.facts.get(PRINCIPAL, NOBODY).roles, SEES_ALL)

    def owner(self, ex: Exchange) -> str:
        principal: Principal = ex.facts.get(PRINCIPAL, NOBODY)
        return self._pseudonym(principal.tenant, principal.subject)

    async def _claim(self, ex: Exchange, names: Sequence[str]) -> None:
        stored = self._owners.claim(self.owner(ex), names, ex.received_at + self._keep)
        if stored is not None:
            await stored


class _Admission:
    """The way in: every id that a request names is the caller's. `reads`: who sees all may read others' as well."""

    def __init__(self, ownership: Ownership, asked: Sequence[Id], reads: bool) -> None:
        self._ownership = ownership
        self._asked = asked
        self._reads = reads

    async def admit(self, ex: Exchange) -> None:
        self._ownership.check_store()
        if not self._asked or (self._reads and self._ownership.sees_all(ex)):
            return
        for place in self._asked:
            value = await _said(ex, place)
            if value is not None:
                await self._ownership.admit(ex, _uuid(value, place), place.what)


class _Filters:
    """Lists of threads: what is not the caller's is taken out of them."""

    def __init__(self, ownership: Ownership, lists: Sequence[tuple[str | None, ...]]) -> None:
        self._ownership = ownership
        self._lists = lists

    async def prepare(self, ex: Exchange) -> None:
        if not self._ownership.sees_all(ex):
            ex.put(_OWN, await self._ownership.own(ex))

    def rules(self, ex: Exchange) -> AnswerRules | None:
        own = ex.get(_OWN)
        if own is None or ex.response is None or ex.response.status >= 400:
            return None
        return AnswerRules(event=OwnThreads(own, self._lists).of)


def unknown(what: str) -> Problem:
    """The one refusal for what is not the caller's, whether somebody else has it or nobody."""
    return not_found() if what == "thread" else Problem(problems.NOT_FOUND, f"there is no such {what}")


async def _said(ex: Exchange, place: Id) -> Any:
    if place.part == "path":
        return ex.params[str(place.path[0])]
    return value_at(await ex.document(), tuple(key for key in place.path if key is not None))


def _uuid(value: Any, place: Id) -> str:
    if is_uuid(value):
        return str(value).lower()
    raise unknown(place.what) if place.what == "thread" else malformed(f"{place.path[-1]} must be a UUID")
