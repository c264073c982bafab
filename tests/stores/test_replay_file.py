from __future__ import annotations

import contextlib
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from kapagate.chain.problem import BackendFailed
from kapagate.identity.replays import ReplaysFull, Ticket
from kapagate.stores.replay_file import NOTE_EVERY, Operation, ReplayFile
from tests.stores.replays import KEEP, LEAST, message


def opened(path: Path, owner: str = "me", capacity: int = 8) -> ReplayFile:
    return ReplayFile(path / "r.db", owner, capacity, lease=30.0)


def claim(file: ReplayFile, number: int | str, now: float) -> Ticket | int | None:
    found: Ticket | int | Exception | None
    (found,) = file.run([lambda at: file.claim(message(number), at)], now)
    if isinstance(found, Exception):
        raise found
    return found


def deliver(file: ReplayFile, number: int | str, now: float) -> None:
    ticket = claim(file, number, now)
    assert isinstance(ticket, Ticket)
    file.run([lambda at: file.remember(ticket, 200), lambda at: file.settle(ticket, delivered=True)], now)


def rows(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path / "r.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM replays").fetchone()
    return int(count)


def test_operations_are_done_together_and_in_their_order(tmp_path: Path) -> None:
    file = opened(tmp_path)
    claims: list[Operation] = [lambda at: file.claim(message(1), at)] * 2
    first, second = file.run(claims, 0.0)
    assert isinstance(first, Ticket)
    assert second is None
    file.close()


def test_the_refusal_of_one_is_nobody_elses(tmp_path: Path) -> None:
    file = opened(tmp_path, capacity=1)
    done = file.run([partial(file.claim, message(number)) for number in range(2)], 0.0)
    assert [type(each) for each in done] == [Ticket, ReplaysFull]
    file.close()


def test_what_could_not_be_written_is_not_held(tmp_path: Path) -> None:
    file = opened(tmp_path)

    def fail(at: float) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(BackendFailed, match="disk I/O error"):
        file.run([lambda at: file.claim(message(1), at), fail], 0.0)
    assert not file.held
    assert isinstance(claim(file, 1, 0.0), Ticket)
    file.close()


def test_rows_are_removed_when_they_were_kept_long_enough(tmp_path: Path) -> None:
    file = opened(tmp_path, capacity=1000)
    for number in range(100):
        deliver(file, number, number * 100.0)
    deliver(file, "last", 100 * 100.0 + NOTE_EVERY)
    kept = rows(tmp_path)
    assert (KEEP - NOTE_EVERY) / 100 <= kept <= (KEEP + NOTE_EVERY) / 100
    assert claim(file, 0, 10_400.0) != 200
    assert claim(file, 99, 10_400.0) == 200
    file.close()


def test_room_is_made_after_a_quiet_time_however_long(tmp_path: Path) -> None:
    file = opened(tmp_path)
    for number in range(8):
        deliver(file, number, 0.0)
    with pytest.raises(ReplaysFull):
        claim(file, "early", LEAST - 1)
    deliver(file, "late", LEAST + NOTE_EVERY)
    file.close()


def test_what_was_there_before_the_process_is_young(tmp_path: Path) -> None:
    before = opened(tmp_path, "before")
    for number in range(8):
        deliver(before, number, 1e6)
    before.close()
    file = opened(tmp_path)
    with pytest.raises(ReplaysFull):
        claim(file, "early", 5.0)
    with pytest.raises(ReplaysFull):
        claim(file, "still early", 5.0 + LEAST - 1)
    deliver(file, "late", 5.0 + LEAST)
    file.close()


def test_an_abandoned_claim_is_known_by_its_beat(tmp_path: Path) -> None:
    other, file = opened(tmp_path, "other"), opened(tmp_path)
    claim(other, 1, 0.0)
    assert claim(file, 1, 0.0) is None
    for now in (29.0, 58.0, 87.0):
        other.run([lambda at: other.beat()], now)
        assert claim(file, 1, now) is None
    assert claim(file, 1, 116.0) is None
    assert isinstance(claim(file, 1, 117.0), Ticket)
    for each in (other, file):
        each.close()
