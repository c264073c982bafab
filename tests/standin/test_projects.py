from __future__ import annotations

from uuid import UUID

import pytest

from kapagate.standin.errors import KapaError
from kapagate.standin.projects import DEFAULT_PROJECTS, Projects


def projects() -> Projects:
    return Projects({"p1": "k1", "p2": "k2", "p3": "k1"}, "seed")


def status(caught: pytest.ExceptionInfo[KapaError]) -> int:
    return caught.value.status


@pytest.mark.parametrize("key", [None, "", "k3"])
def test_a_missing_or_unknown_key_is_401(key: str | None) -> None:
    with pytest.raises(KapaError) as caught:
        projects().authenticate(key)
    assert status(caught) == 401


@pytest.mark.parametrize("project", ["p2", "p9"])
def test_a_foreign_or_unknown_project_is_404(project: str) -> None:
    with pytest.raises(KapaError) as caught:
        projects().enter_project("k1", project)
    assert status(caught) == 404


def test_a_key_may_open_several_projects() -> None:
    assert projects().enter_project("k1", "p1") == "p1"
    assert projects().enter_project("k1", "p3") == "p3"


def test_a_thread_knows_its_project_and_key() -> None:
    kapa = projects()
    thread = kapa.open_thread("p1")
    assert kapa.enter_thread("k1", thread) == "p1"
    for key, name in (("k2", thread), ("k1", "unknown")):
        with pytest.raises(KapaError) as caught:
            kapa.enter_thread(key, name)
        assert status(caught) == 404


def test_ids_are_uuids_that_repeat_from_run_to_run_and_never_within_one() -> None:
    one, two = projects(), projects()
    made = [one.open_thread("p1"), one.open_thread("p1"), one.open_answer("p1")]
    assert made == [two.open_thread("p1"), two.open_thread("p1"), two.open_answer("p1")]
    assert len({UUID(name) for name in made}) == 3


def test_keeps_one_reaction_per_answer_and_subject() -> None:
    kapa = projects()
    answer = kapa.past("p1").threads("p1")[0].turns[0].id
    assert kapa.react("k1", answer, "ann", "upvote") == {"total_upvotes": 1, "total_downvotes": 0}
    assert kapa.react("k1", answer, "bob", "upvote") == {"total_upvotes": 2, "total_downvotes": 0}
    assert kapa.react("k1", answer, "ann", "downvote") == {"total_upvotes": 1, "total_downvotes": 1}
    with pytest.raises(KapaError):
        kapa.react("k2", answer, "eve", "upvote")


def test_forgets_the_oldest_threads() -> None:
    kapa = projects()
    first = kapa.open_thread("p1")
    later = [kapa.open_thread("p1") for _ in range(10_000)]
    assert kapa.enter_thread("k1", later[0]) == "p1"
    with pytest.raises(KapaError):
        kapa.enter_thread("k1", first)


def test_there_are_default_projects_with_keys_of_their_own() -> None:
    assert len(set(DEFAULT_PROJECTS.values())) == len(DEFAULT_PROJECTS) == 2
    assert all(map(UUID, DEFAULT_PROJECTS))
