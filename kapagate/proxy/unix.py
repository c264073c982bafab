"""A unix socket: a file in a directory that decides who may connect, by its mode and owner."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct


class UnixSocket(Struct, frozen=True):
    """What the file will be. `owner` and `group` are names or numbers; None leaves the process's own."""

    path: Path
    mode: int = 0o660
    owner: str | None = None
    group: str | None = None


class Bound:
    """A socket that listens at its path, until `remove`."""

    def __init__(self, socket_: socket.socket, path: Path) -> None:
        self.socket = socket_
        self._path = path
        self._file = _identity(path)

    def remove(self) -> None:
        """Takes the file away, unless it is another's by now. Before the socket is closed: only so long is its inode
        nobody else's.
        """
        with suppress(OSError):
            if _identity(self._path) == self._file:
                self._path.unlink()


def bind(wanted: UnixSocket, backlog: int) -> Bound:
    """Replaces the socket that a dead process left. Raises OSError, EADDRINUSE when somebody listens there or when the
    path is no socket, and ValueError for an owner that is none.

    Nobody can connect before the file is as it should be: a socket that does not listen refuses. The directory is
    locked meanwhile, so that of two that start at a time one finds the other.
    """
    user, group = _user(wanted.owner), _group(wanted.group)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _locked(wanted.path.parent):
            _clear(wanted.path)
            opened.bind(os.fspath(wanted.path))
            bound = Bound(opened, wanted.path)
            try:
                os.chown(wanted.path, user, group)
                os.chmod(wanted.path, wanted.mode)
                opened.listen(backlog)
            except BaseException:
                bound.remove()
                raise
    except BaseException:
        opened.close()
        raise
    return bound


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EADDRINUSE, f"{path} is there, and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        reached = probe.connect_ex(os.fspath(path))
    if reached != errno.ECONNREFUSED:
        raise OSError(errno.EADDRINUSE, f"another process listens at {path}")
    path.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


def _user(name: str | None) -> int:
    if name is None or name.isdecimal():
        return -1 if name is None else int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ValueError(f"there is no user {name}") from None


def _group(name: str | None) -> int:
    if name is None or name.isdecimal():
        return -1 if name is None else int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {name}") from None
