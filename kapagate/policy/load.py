"""From files to a generation.

  source      files, bounded and decoded
  syntax      trees in which every value has its place
  documents   one Gateway, any number of Environments, Tenants and Exceptions
  references  ${env:...}, ${file:...} replaced, tenants' within their scope
  models      listen, roles, upstreams, routes, steps, each read by its own declaration
  layers      the environment's settings and changes, a tenant's changes, its exceptions; judged by the locks below
  compile     once per distinct declaration
  fitness     facts in order, no idle step, no need that a route hides
  advice      of a policy that works: routes without a limit; more series of metrics than allowed

Every stage notes what is wrong and hands on what is right, so that one run finds as much as can be found. There is a
generation only when there is no error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Map
from pathlib import Path

from msgspec import Struct, field

from kapagate.chain.generation import Generation
from kapagate.chain.route import Serve
from kapagate.policy import codes
from kapagate.policy.build import Build, Offer
from kapagate.policy.documents import Document, fingerprint, read_documents
from kapagate.policy.environment import chosen
from kapagate.policy.exceptions import NOTHING, Grant, Grants, read_exceptions
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import Gateway
from kapagate.policy.interpolation import Interpolation, Resolve
from kapagate.policy.position import Span
from kapagate.policy.report import render_all
from kapagate.policy.source import Source, read_sources
from kapagate.policy.table import Table
from kapagate.policy.work import Work, done


class Layers(Struct, frozen=True):
    """What is laid over the Gateway document: the environment of this name, and the exceptions that count `now`
    (seconds since 1970).
    """

    environment: str | None = None
    now: Callable[[], float] = time.time


GATEWAY_ALONE = Layers()
"""No environment, and the machine's clock."""


class Loaded(Struct, frozen=True):
    """What became of a policy. `generation` and `gateway` are None when there are errors. `lapse`: when the next
    exception expires, in seconds since 1970; the policy is another one then. `build`: what it was built of; `read`:
    all documents, those that do not count included.
    """

    diagnostics: Diagnostics
    sources: Map[str, Source] = field(default_factory=dict)
    gateway: Gateway | None = None
    generation: Generation | None = None
    documents: int = 0
    tenants: int = 0
    routes: int = 0
    environments: Sequence[str] = ()
    lapse: float | None = None
    build: Build | None = None
    grants: Sequence[Grant] = ()
    read: Sequence[Document] = ()

    @property
    def ok(self) -> bool:
        return self.diagnostics.errors == 0

    def report(self) -> str:
        """All problems as text, empty when there are none."""
        return render_all(self.diagnostics, self.sources)

    def summary(self) -> str:
        """One line: what there is, and how many problems."""
        counts = [(self.documents, "document"), (self.tenants, "tenant"), (self.routes, "route")]
        warnings = len(self.diagnostics) - self.diagnostics.errors
        problems = [(self.diagnostics.errors, "error"), (warnings, "warning")]
        wrong = ", ".join(_counted(count, noun) for count, noun in problems if count)
        return ", ".join(_counted(count, noun) for count, noun in counts) + ": " + (wrong or "no problems")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def load_policy(
    paths: Sequence[Path],
    resolve: Resolve,
    offer: Offer,
    *,
    table: Table | None = None,
    serves: Map[str, Serve] | None = None,
    layers: Layers = GATEWAY_ALONE,
) -> Loaded:
    """Loads the policy in files and directories. Raises nothing for what is in them.

    `offer` hands out what compiled steps borrow; roles, tenants and pseudonyms come from the policy itself. `serves`
    answers for routes that say `serve:`.
    """
    problems = Diagnostics()
    files = read_sources(paths, problems)
    sources = {source.name: source for source in files}
    documents = read_documents(files, problems)
    start = str(paths[0]) if paths else "."
    site = Site(resolve, offer, table or Table(), serves or {}, layers)
    return done(site.load(documents, sources, problems, start))


def load_documents(
    read: Sequence[Document],
    sources: dict[str, Source],
    problems: Diagnostics,
    resolve: Resolve,
    offer: Offer,
    *,
    table: Table | None = None,
    serves: Map[str, Serve] | None = None,
    start: str = ".",
    layers: Layers = GATEWAY_ALONE,
) -> Loaded:
    """The same for documents that were read already; policy tests among them are passed over. `start`: what to blame
    where there is no file at all.
    """
    site = Site(resolve, offer, table or Table(), serves or {}, layers)
    return done(site.load(read, sources, problems, start))


class Site(Struct):
    """Where generations are built. As long as the Gateway document comes to the same, only tenants are read again."""

    resolve: Resolve
    offer: Offer
    table: Table
    serves: Map[str, Serve]
    layers: Layers = GATEWAY_ALONE
    build: Build | None = None

    def load(
        self, read: Sequence[Document], sources: dict[str, Source], problems: Diagnostics, start: str
    ) -> Work[Loaded]:
        """One load, in slices."""
        documents = [document for document in read if document.kind != "PolicyTest"]
        gateway = next((document for document in documents if document.kind == "Gateway"), None)
        if gateway is None:
            if not problems.errors:
                span = Span(next(iter(sources), start))
                problems.add(codes.NO_GATEWAY, span, "there is no document of kind Gateway")
            return Loaded(problems, sources, documents=len(documents))
        yield
        environment = chosen(documents, self.layers.environment, gateway, problems)
        tenants = [document for document in documents if document.kind == "Tenant"]
        yield
        build = self._build(gateway, environment, sources, problems)
        grants = self._grants(documents, tenants, build)
        yield
        policy = fingerprint(_counting(documents, environment, grants))
        yield
        generation = yield from build.generation(gateway, tenants, policy, grants)
        return Loaded(
            build.problems.copy(),
            sources,
            build.gateway if generation else None,
            generation,
            len(documents),
            len(build.tenants),
            len(build.routes),
            [document.name for document in documents if document.kind == "Environment"],
            grants.lapse,
            build if generation else None,
            [grant for grants_of in grants.by_tenant.values() for grant in grants_of],
            documents,
        )

    def _grants(self, documents: Sequence[Document], tenants: Sequence[Document], build: Build) -> Grants:
        exceptions = [document for document in documents if document.kind == "Exception"]
        if not exceptions:
            return NOTHING
        names = [document.name for document in tenants]
        return read_exceptions(exceptions, names, self.layers.now(), build.interpolation, build.problems)

    def _build(
        self, gateway: Document, environment: Document | None, sources: dict[str, Source], problems: Diagnostics
    ) -> Build:
        if self.build is not None and self.build.stands(gateway, environment):
            self.build.again(sources, problems)
        else:
            interpolation = Interpolation(self.resolve, problems, sources)
            self.build = Build(interpolation, self.offer, self.table, self.serves, problems, environment)
        return self.build


def _counting(documents: Sequence[Document], environment: Document | None, grants: Grants) -> list[Document]:
    """The documents of which the policy is: no other environment, no exception that expired."""
    lapsed = {grant.document for tenant in grants.by_tenant.values() for grant in tenant if not grant.active}
    return [each for each in documents if each not in lapsed and (each.kind != "Environment" or each is environment)]
