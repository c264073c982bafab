from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from kapagate.proxy import unix
from kapagate.proxy.unix import UnixSocket


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.sock"


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_file_has_the_mode_that_was_asked_for_whatever_the_umask(path: Path, mode: int) -> None:
    old = os.umask(0o077)
    try:
        bound = unix.bind(UnixSocket(path, mode), 8)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o7777 == mode
    assert connects(path)
    bound.socket.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser gives files away")
def test_the_file_has_the_owner_and_group_that_were_asked_for(path: Path) -> None:
    with unix.bind(UnixSocket(path, owner="54321", group="54322"), 8).socket:
        assert (path.stat().st_uid, path.stat().st_gid) == (54321, 54322)
    with unix.bind(UnixSocket(path, owner="root", group="root"), 8).socket:
        assert (path.stat().st_uid, path.stat().st_gid) == (0, 0)


@pytest.mark.parametrize("wanted", [{"owner": "no-such-user"}, {"group": "no-such-group"}])
def test_an_owner_that_is_nobody_is_an_error_before_anything_is_there(path: Path, wanted: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"there is no (user|group) no-such"):
        unix.bind(UnixSocket(path, **wanted), 8)
    assert not path.exists()


def test_a_socket_that_a_dead_process_left_is_replaced(path: Path) -> None:
    unix.bind(UnixSocket(path), 8).socket.close()
    assert path.exists()
    assert not connects(path)
    with unix.bind(UnixSocket(path), 8).socket:
        assert connects(path)


def test_a_socket_at_which_somebody_listens_is_left_alone(path: Path) -> None:
    with unix.bind(UnixSocket(path), 8).socket:
        with pytest.raises(OSError, match="another process listens at") as caught:
            unix.bind(UnixSocket(path), 8)
        assert caught.value.errno == errno.EADDRINUSE
        assert connects(path)


def test_so_is_one_whose_process_is_too_busy_to_accept(path: Path) -> None:
    with unix.bind(UnixSocket(path), 0).socket, socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(path))
        with pytest.raises(OSError, match="another process listens at"):
            unix.bind(UnixSocket(path), 8)


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_alone(path: Path, what: str) -> None:
    other = path.with_name("other.sock")
    if what == "file":
        path.write_text("precious")
    elif what == "folder":
        path.mkdir()
    else:
        unix.bind(UnixSocket(other), 8).socket.close()
        path.symlink_to(other)
    with pytest.raises(OSError, match="is no socket"):
        unix.bind(UnixSocket(path), 8)
    assert path.exists()


def test_a_folder_that_is_not_there_is_an_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        unix.bind(UnixSocket(path / "deeper"), 8)


def test_a_path_that_is_too_long_for_a_socket_leaves_nothing(path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        unix.bind(UnixSocket(path.with_name("x" * 120)), 8)
    assert not os.listdir(path.parent)


def test_at_its_end_it_takes_its_own_file_away(path: Path) -> None:
    bound = unix.bind(UnixSocket(path), 8)
    bound.remove()
    assert not path.exists()
    bound.remove()
    bound.socket.close()


def test_a_file_that_took_its_place_stays(path: Path) -> None:
    first = unix.bind(UnixSocket(path), 8)
    path.unlink()
    with unix.bind(UnixSocket(path), 8).socket:
        first.remove()
        first.socket.close()
        assert connects(path)
