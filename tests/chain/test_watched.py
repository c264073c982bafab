from __future__ import annotations

from kapagate.chain.watched import Watched
from kapagate.remote.watched import WatchedFiles
from kapagate.telemetry.prometheus import PrometheusMeter


def test_files_of_this_machine_are_such_a_port() -> None:
    watched: Watched = WatchedFiles(PrometheusMeter())
    assert callable(watched.watch)
