"""The process itself: what it leaves on disk and what it may do."""

from __future__ import annotations

import errno
import os
import resource
import stat
from pathlib import Path


def confine() -> None:
    """From now on files are its owner's alone (0600), and a crash leaves no image of memory, where secrets stand."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def is_root() -> bool:
    return os.geteuid() == 0


def check_file(path: Path) -> None:
    """Raises OSError where no file can be kept at `path` however often it is tried: its folder is not there or not ours
    to write, or what is there is no file of ours. It makes nothing.
    """
    try:
        kind, wanted = os.stat(path).st_mode, path
    except FileNotFoundError:
        kind, wanted = stat.S_IFREG, path.parent
    except OSError as cause:
        raise _unusable(path, cause.errno or errno.EIO) from None
    if not stat.S_ISREG(kind):
        raise _unusable(path, errno.EISDIR if stat.S_ISDIR(kind) else errno.EINVAL)
    for needed in (wanted, path.parent):
        if not needed.exists():
            raise _unusable(path, errno.ENOENT)
        if not os.access(needed, os.R_OK | os.W_OK):
            raise _unusable(path, errno.EACCES)


def _unusable(path: Path, number: int) -> OSError:
    return OSError(number, f"nothing can be kept in {path}: {os.strerror(number).lower()}")
