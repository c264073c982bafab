"""A policy that is loaded again and again.

Files that say the same are not parsed again, a Gateway document that comes to the same keeps all that was compiled of
it, and a tenant of which nothing changed stays the same object. So what one tenant's edit costs does not depend on how
many others there are, but for a comparison each. Where something is wrong, everything is read anew, so that every
problem is told at the place where it stands now.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from pathlib import Path

from kapagate.chain.route import Serve
from kapagate.policy.build import Build, Offer
from kapagate.policy.documents import Shelf, reading
from kapagate.policy.finding import Diagnostics
from kapagate.policy.interpolation import Reference, Resolve
from kapagate.policy.load import GATEWAY_ALONE, Layers, Loaded, Site
from kapagate.policy.source import Source, read_sources
from kapagate.policy.table import Table
from kapagate.policy.work import Work, done

Files = tuple[list[Source], Diagnostics]
"""What is on disk, and what is wrong with that."""


class Loader:
    """Loads the policy in `paths`, as `load_policy` does. What a good load came to stands until the next is good."""

    def __init__(
        self,
        paths: Sequence[Path],
        resolve: Resolve,
        offer: Offer,
        *,
        table: Table | None = None,
        serves: Map[str, Serve] | None = None,
        layers: Layers = GATEWAY_ALONE,
    ) -> None:
        self.paths = paths
        self._start = str(paths[0]) if paths else "."
        self._parts = resolve, offer, table or Table(), serves or {}, layers
        self._site = Site(*self._parts)
        self._shelf = Shelf()
        self._missed: dict[Reference, None] = {}

    def read(self) -> Files:
        """The files as they are now; for any thread."""
        problems = Diagnostics()
        return read_sources(self.paths, problems), problems

    def moved(self) -> Work[bool]:
        """Whether some reference stands for something else by now: a file that the policy names changed, or one that
        it lacked is there.
        """
        build = self._site.build
        for reference in self._missed:
            try:
                self._parts[0](*reference)
            except (LookupError, ValueError):
                continue
            return True
        if build is None or build.ground is None:
            return False
        tenants = build.ground.tenancy.known.values()
        for asked in [build.ground.asked, *(each.asked for each in tenants)]:
            if not build.interpolation.still(asked):
                return True
            yield
        return False

    def load(self) -> Loaded:
        """For the start: at once."""
        return done(self.loading(self.read()))

    def loading(self, files: Files) -> Work[Loaded]:
        """A load in slices. A build in which something was wrong is never built on: it remembers what it could not
        compile, and would not say so again.
        """
        used, site = self._site.build, Site(*self._parts, self._site.build)
        loaded = yield from self._once(files, site, self._shelf)
        if loaded.generation is None and used is not None and site.build is used:
            self._site = Site(*self._parts)
            yield from _left(used)
            site = Site(*self._parts)
            loaded = yield from self._once(files, site, Shelf())
        self._missed = {}
        if loaded.generation is None:
            if site.build is not None:
                self._missed = site.build.interpolation.missed
            yield from _left(site.build)
            return loaded
        self._site = site
        if site.build is not used:
            yield from _left(used)
        self._shelf.keep({source.name for source in files[0]})
        if site.build is not None:
            site.build.forget()
        return loaded

    def _once(self, files: Files, site: Site, shelf: Shelf) -> Work[Loaded]:
        sources, found = files
        problems = found.copy()
        documents = yield from reading(sources, problems, shelf)
        yield
        named = {source.name: source for source in sources}
        yield
        return (yield from site.load(documents, named, problems, self._start))


def _left(build: Build | None) -> Work[None]:
    """Lets go of a build that is not in use, bit by bit: much that goes at once takes its time too."""
    if build is None or build.ground is None:
        return
    known = build.ground.tenancy.known
    while known:
        known.popitem()
        yield
