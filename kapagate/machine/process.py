"""The process itself: what it leaves on disk and what it may do."""

from __future__ import annotations

import os
import resource


def confine() -> None:
    """From now on files are its owner's alone (0600), and a crash leaves no image of memory, where secrets stand."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def is_root() -> bool:
    return os.geteuid() == 0
