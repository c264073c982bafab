"""Where a bench takes place: the upstream, the keys, folders, and which programs this machine has."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.certificate import self_signed
from bench.peer import Setting, configured
from bench.process import Process, spawned, started
from bench.roster import NGINX, NGINX_VERSION
from bench.subjects import OTHER_CORE, free_ports, made_keys, until_open
from bench.upstream import ANSWER, document
from kapagate.demo.people import ACME_KEY, Keys


@dataclass(frozen=True, slots=True)
class Upstream:
    """Who answers, and what it is."""

    process: Process
    port: int
    name: str
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Site:
    """One for a whole run. Every start gets a folder of its own."""

    folder: Path
    keys: Keys = field(default_factory=made_keys)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def place(self) -> Path:
        place = self.folder / f"{next(self._numbers):03}"
        place.mkdir()
        return place

    def setting(self, upstream: Upstream, longest_answer: int) -> Setting:
        """For the start of a peer."""
        port, admin = free_ports(2)
        master = f"sk-{self.keys.pepper}"
        return Setting(port, admin, upstream.port, self.place(), self.keys.signing, ACME_KEY, master, longest_answer)

    @contextmanager
    def whole_answers(self, size: int = len(ANSWER)) -> Iterator[Upstream]:
        """nginx where it is, which costs its core less; else the one in Python."""
        program = NGINX()
        if program is None:
            with self.records(f"--bytes={size}") as upstream:
                yield upstream
            return
        (port,) = free_ports(1)
        folder = self.place()
        (folder / "answer.json").write_bytes(document(size))
        configured(("nginx/upstream.conf",), Setting(port, 0, 0, folder, "", "", ""))
        command: list[str | Path] = [program, "-e", folder / "upstream.log", "-c", folder / "upstream.conf"]
        with spawned(command, OTHER_CORE) as process:
            until_open(process, port)
            yield Upstream(process, port, f"nginx {NGINX_VERSION(program)}")

    @contextmanager
    def records(self, *arguments: str) -> Iterator[Upstream]:
        """The upstream in Python (`bench.upstream`), which streams as well."""
        with started(["bench.upstream", *arguments], OTHER_CORE) as process:
            yield Upstream(process, int(process.first_line()), "bench.upstream")

    @contextmanager
    def records_over_tls(self, *arguments: str) -> Iterator[tuple[Upstream, Path]]:
        """The same behind a certificate of its own; and the file that holds it."""
        certificate = self_signed(self.place())
        with self.records(*arguments, f"--tls={certificate}") as upstream:
            yield Upstream(upstream.process, upstream.port, "bench.upstream over TLS", "https"), certificate


@contextmanager
def opened() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="kapagate-bench-", ignore_cleanup_errors=True) as folder:
        yield Site(Path(folder))
