from __future__ import annotations

from kapagate.policy.work import Work, done


def counting(to: int) -> Work[int]:
    for _ in range(to):
        yield
    return to


def test_work_done_at_once_gives_what_came_of_it() -> None:
    assert done(counting(3)) == 3
    assert done(counting(0)) == 0


def test_work_may_rest_as_often_as_it_yields() -> None:
    assert len(list(counting(5))) == 5
