from __future__ import annotations

from uuid import UUID

from kapagate.standin.history import PAST, History, made
from kapagate.standin.specimens import SPECIMENS


def test_a_project_begins_with_a_past_that_is_the_same_in_every_run() -> None:
    one, two = History(), History()
    begun = one.begin("p1")
    assert [thread.id for thread in begun] == [thread.id for thread in two.begin("p1")]
    assert len(begun) == PAST
    assert one.begin("p1") == []
    assert all(UUID(thread.id) for thread in begun)
    assert any(SPECIMENS["card"] in turn.question for turn in one.turns("p1"))


def test_projects_have_threads_of_their_own() -> None:
    history = History()
    history.begin("p1")
    history.begin("p2")
    ids = [{thread.id for thread in history.threads(project)} for project in ("p1", "p2")]
    assert ids[0].isdisjoint(ids[1])
    assert history.threads("p3") == []


def test_a_thread_goes_on_and_comes_first() -> None:
    history = History()
    history.begin("p1")
    oldest = history.threads("p1")[-1]
    turn = history.add("p1", oldest.id, "a1", ("q?", "a."), is_uncertain=True)
    assert history.threads("p1")[0] is oldest
    assert (history.turn("a1"), oldest.turns[-1]) == (turn, turn)
    assert oldest.turns[0].created_at < turn.created_at


def test_people_are_known_by_address_or_id_and_by_nothing_else() -> None:
    history = History()
    for number, user in enumerate([{"email": "a@d.example"}, {"unique_client_id": "c1"}, {"metadata": {}}, None, "c1"]):
        history.add("p1", f"t{number}", f"a{number}", ("q", "a"), user=user)
    history.add("p1", "t9", "a9", ("q", "a"), user={"unique_client_id": "c1", "metadata": {"company_name": "Acme"}})
    assert [(each.email, each.unique_client_id, len(each.turns)) for each in history.people("p1")] == [
        ("a@d.example", None, 1),
        (None, "c1", 2),
    ]


def test_the_oldest_threads_are_forgotten_with_their_answers() -> None:
    history = History()
    for number in range(10_001):
        history.add("p1", f"t{number}", f"a{number}", ("q", "a"))
    assert (history.thread("t0"), history.turn("a0")) == (None, None)
    assert history.thread("t1") is not None


def test_ids_are_uuids_made_of_names() -> None:
    assert UUID(made("p1", "x")) != UUID(made("p2", "x"))
    assert made("p1", "x") == made("p1", "x")
