from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from kapagate.standin.call import Call, Reply
from kapagate.standin.corpus import PAGES, SITE
from kapagate.standin.directives import Faults
from kapagate.standin.errors import KapaError
from kapagate.standin.operations import OPERATIONS, perform
from kapagate.standin.projects import Projects
from kapagate.standin.specimens import SPECIMENS

CHAT, CHAT_STREAM, THREAD_CHAT, THREAD_CHAT_STREAM, FEEDBACK, RETRIEVAL, DOCUMENTS = OPERATIONS
UPLOAD, VIDEO = PAGES[-2:]


class Kapa:
    """Two projects, each with its key."""

    def __init__(self) -> None:
        self.projects = Projects({"p1": "k1", "p2": "k2"}, "seed")

    def reply(self, path: str, body: object, *, key: str = "k1", thread: str = "", **faults: Any) -> Reply:
        ids = {"project_id": "p1", "thread_id": thread}
        call = Call(self.projects, key, ids, orjson.dumps(body), "application/json", Faults(**faults))
        return perform(OPERATIONS[path], call)

    def ask(self, path: str, body: object, **options: Any) -> Any:
        return orjson.loads(b"".join(self.reply(path, body, **options).pieces))

    def refusal(self, path: str, body: object, **options: Any) -> tuple[int, Any]:
        with pytest.raises(KapaError) as caught:
            self.reply(path, body, **options)
        return caught.value.status, caught.value.body


@pytest.fixture
def kapa() -> Kapa:
    return Kapa()


def test_every_path_ends_in_a_slash() -> None:
    assert all(path.endswith("/") for path in OPERATIONS)


def test_chat_opens_a_thread_and_the_thread_goes_on(kapa: Kapa) -> None:
    first = kapa.ask(CHAT, {"query": "How do backups work?"})
    second = kapa.ask(THREAD_CHAT, {"query": "And restore?"}, thread=first["thread_id"])
    assert second["thread_id"] == first["thread_id"]
    assert second["question_answer_id"] != first["question_answer_id"]
    assert all(map(UUID, (first["thread_id"], first["question_answer_id"])))


@pytest.mark.parametrize("path", [THREAD_CHAT, THREAD_CHAT_STREAM])
def test_a_thread_asked_with_another_key_is_not_found(kapa: Kapa, path: str) -> None:
    thread = kapa.ask(CHAT, {"query": "q"})["thread_id"]
    assert kapa.refusal(path, {"query": "q"}, key="k2", thread=thread) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("path", [CHAT, CHAT_STREAM, RETRIEVAL, DOCUMENTS])
def test_a_foreign_project_is_not_found_whatever_the_body(kapa: Kapa, path: str) -> None:
    assert kapa.refusal(path, [], key="k2")[0] == 404


def test_streams_are_sent_without_a_length_and_record_by_record(kapa: Kapa) -> None:
    reply = kapa.reply(CHAT_STREAM, {"query": "q"})
    assert reply.streamed
    assert len(reply.pieces) > 10
    assert reply.content_type == "application/json"
    thread = kapa.ask(CHAT, {"query": "q"})["thread_id"]
    assert thread.encode() in kapa.reply(THREAD_CHAT_STREAM, {"query": "q"}, thread=thread).pieces[-1]


def test_chat_checks_the_shape_of_its_fields(kapa: Kapa) -> None:
    body = {"integration_id": "x", "customization_id": 1, "source_group_ids_include": "x", "user": "ann", "other": 1}
    status, problems = kapa.refusal(CHAT, body)
    assert status == 400
    assert set(problems) == {"query", "integration_id", "customization_id", "source_group_ids_include", "user"}


def test_directives_do_not_reach_the_answer(kapa: Kapa) -> None:
    assert kapa.ask(CHAT, {"query": "[[echo]] [[uncertain]] plain words"})["answer"] == "plain words"


def test_a_directive_with_a_bad_value_is_a_validation_error(kapa: Kapa) -> None:
    assert kapa.refusal(CHAT, {"query": "[[status=1]] q"})[0] == 400


@pytest.mark.parametrize("comment", [None, {"issue": "wrong", "incorrect": True}, '{"issue": "wrong"}'])
def test_feedback_takes_a_comment_as_object_and_as_text(kapa: Kapa, comment: object) -> None:
    answer = kapa.ask(CHAT, {"query": "q"})["question_answer_id"]
    body = {"question_answer": answer, "reaction": "downvote", "user_identifier": "ann", "comment": comment}
    assert kapa.ask(FEEDBACK, body) == {"total_upvotes": 0, "total_downvotes": 1}


def test_feedback_names_what_it_misses(kapa: Kapa) -> None:
    status, problems = kapa.refusal(FEEDBACK, {"question_answer_id": "x", "reaction": "meh", "comment": [1]})
    assert status == 400
    assert set(problems) == {"question_answer", "reaction", "user_identifier", "comment"}


def test_feedback_to_a_foreign_answer_is_not_found(kapa: Kapa) -> None:
    answer = kapa.ask(CHAT, {"query": "q"})["question_answer_id"]
    body = {"question_answer": answer, "reaction": "upvote", "user_identifier": "eve"}
    assert kapa.refusal(FEEDBACK, body, key="k2")[0] == 404


def test_feedback_takes_directives_in_its_comment(kapa: Kapa) -> None:
    answer = kapa.ask(CHAT, {"query": "q"})["question_answer_id"]
    body = {"question_answer": answer, "reaction": "upvote", "user_identifier": "ann"}
    assert kapa.reply(FEEDBACK, {**body, "comment": {"issue": "[[status=503]]"}}).status == 503


def test_retrieval_is_a_bare_array_of_two_fields_best_first(kapa: Kapa) -> None:
    found = kapa.ask(RETRIEVAL, {"query": "How do backups work?", "mode": "deep", "limit": 3})
    assert len(found) == 15
    assert all(set(chunk) == {"source_url", "content"} for chunk in found)
    assert found[0]["source_url"] == f"{SITE}/operate#backups"


def test_retrieval_keeps_whole_chunks_within_its_bounds(kapa: Kapa) -> None:
    everything = kapa.ask(RETRIEVAL, {"query": "q"})
    assert kapa.ask(RETRIEVAL, {"query": "q", "top_k": 2}) == everything[:2]
    limit = len(everything[0]["content"]) + len(everything[1]["content"])
    assert kapa.ask(RETRIEVAL, {"query": "q", "max_chars": limit}) == everything[:2]
    assert kapa.ask(RETRIEVAL, {"query": "q", "max_chars": limit - 1}) == everything[:1]


@pytest.mark.parametrize("wrong", [{"top_k": 16}, {"top_k": 0}, {"max_chars": 60_001}, {"mode": "slow"}])
def test_retrieval_refuses_what_is_out_of_bounds(kapa: Kapa, wrong: dict[str, object]) -> None:
    status, problems = kapa.refusal(RETRIEVAL, {"query": "q", **wrong})
    assert (status, set(problems)) == (400, set(wrong))


def test_retrieval_takes_the_directives_that_make_sense(kapa: Kapa) -> None:
    assert kapa.ask(RETRIEVAL, {"query": "[[no-sources]] q"}) == []
    assert kapa.ask(RETRIEVAL, {"query": "[[echo]] my words"})[0]["content"] == "my words"
    assert SPECIMENS["card"] in kapa.ask(RETRIEVAL, {"query": "[[pii]] q"})[0]["content"]
    assert len(kapa.ask(RETRIEVAL, {"query": "[[size=4096]] q"})[0]["content"]) == 4096


def test_documents_leave_out_what_matches_nothing(kapa: Kapa) -> None:
    urls = [f"{SITE}/security", "https://elsewhere.example/", f"{SITE}/operate#backups"]
    page = kapa.ask(DOCUMENTS, {"urls": urls})
    assert [one["source_url"] for one in page["results"]] == [f"{SITE}/security", f"{SITE}/operate"]
    assert (page["page"], page["page_size"], page["total_items"]) == (1, 5, 3)


def test_documents_page_over_what_was_asked_for(kapa: Kapa) -> None:
    urls = [f"{SITE}/{name}" for name in ("install", "unknown", "streams", "clients", "security", "operate", "billing")]
    first, second = (kapa.ask(DOCUMENTS, {"urls": urls, "page": number}) for number in (1, 2))
    assert [len(first["results"]), len(second["results"])] == [4, 2]
    assert second["page"] == 2
    assert first["total_items"] == second["total_items"] == 7


def test_documents_are_found_by_id_with_and_without_url_and_text(kapa: Kapa) -> None:
    upload, video = kapa.ask(DOCUMENTS, {"document_ids": [UPLOAD.document_id, VIDEO.document_id]})["results"]
    assert upload["source_url"] is None
    assert video["content"] is None
    assert (video["total_chars"], video["truncated"]) == (0, False)
    assert set(upload) == {"document_id", "source_url", "title", "content", "total_chars", "truncated"}


def test_documents_are_truncated_and_say_so(kapa: Kapa) -> None:
    (page,) = kapa.ask(DOCUMENTS, {"urls": [f"{SITE}/install"], "max_chars_per_document": 10})["results"]
    assert len(page["content"]) == 10
    assert page["truncated"] is True
    assert page["total_chars"] > 500


@pytest.mark.parametrize("wrong", [{}, {"urls": []}, {"urls": ["x"], "page_size": 6}, {"document_ids": ["x"]}])
def test_documents_refuse_what_is_out_of_bounds(kapa: Kapa, wrong: dict[str, object]) -> None:
    assert kapa.refusal(DOCUMENTS, wrong)[0] == 400


def test_documents_take_directives_in_a_url(kapa: Kapa) -> None:
    (page,) = kapa.ask(DOCUMENTS, {"urls": [f"[[pii]]{SITE}/security"]})["results"]
    assert SPECIMENS["iban"] in page["content"]
    assert page["source_url"] == f"{SITE}/security"


def test_a_fault_turns_a_good_call_into_a_failure(kapa: Kapa) -> None:
    throttled = kapa.reply(RETRIEVAL, {"query": "[[retry-after=7]] q"})
    assert (throttled.status, throttled.headers) == (429, {"Retry-After": "7"})
    assert kapa.reply(CHAT, {"query": "q"}, status=503).status == 503
    page = kapa.reply(CHAT_STREAM, {"query": "[[html-502]] q"})
    assert (page.status, page.content_type, page.streamed) == (502, "text/html", False)


def test_a_wrong_call_is_wrong_before_any_fault(kapa: Kapa) -> None:
    assert kapa.refusal(CHAT, {}, status=503)[0] == 400
