"""The proxy of Kapa's website widget, which has another host at Kapa's: `/proxy/query/v2/...`.

Who asks says so with `X-WEBSITE-ID`, an integration's id (here its project's), and a captcha, which is good unless
it reads `bad`. The stream is the API's, with a `stream_start` before it and, in deep thinking, what the agent does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from kapagate.standin.answers import Answer
from kapagate.standin.call import Call, Operation, Reply, reply
from kapagate.standin.errors import KapaError, invalid, not_found
from kapagate.standin.fields import read_fields
from kapagate.standin.operations import chat_answer, feedback
from kapagate.standin.projects import Projects
from kapagate.standin.records import encode_record, encode_stream

CAPTCHAS: Final = ("X-RECAPTCHA-ENTERPRISE-TOKEN", "X-HCAPTCHA-TOKEN")
LARGEST_FILE: Final = 10 << 20
_PREFIX = "/proxy/query/v2"
_FILE = re.compile(r"f-[0-9a-f]{1,32}")


def admit(headers: Mapping[str, str], projects: Projects) -> tuple[str, str]:
    """The project and the key that a widget stands for; raises KapaError (403, 404)."""
    if not any(headers.get(name, "bad") != "bad" for name in CAPTCHAS):
        raise KapaError(403, {"detail": "Captcha verification failed."})
    project = headers.get("X-WEBSITE-ID", "")
    key = projects.key_of(project)
    if key is None:
        raise not_found()
    return project, key


def chat_stream(call: Call) -> Reply:
    """Opens a thread."""
    return _stream(call, None)


def thread_chat_stream(call: Call) -> Reply:
    """Goes on with a thread."""
    call.projects.enter_thread(call.key, call.ids["thread_id"])
    return _stream(call, call.ids["thread_id"])


def exit_feedback(call: Call) -> Reply:
    """Why a visitor leaves."""
    fields = read_fields(call.content_type, call.body)
    fields.uuid("question_answer", required=True)
    fields.dictionary("user")
    fields.check()
    return reply({}, call.faults)


def handoff(call: Call) -> Reply:
    """Sends the conversation to somebody; here, to nobody."""
    call.projects.enter_thread(call.key, call.ids["thread_id"])
    fields = read_fields(call.content_type, call.body)
    fields.text("recipient_email")
    fields.check()
    return reply({}, call.faults)


def files(call: Call) -> Reply:
    """Says where a file may be put."""
    fields = read_fields(call.content_type, call.body)
    fields.text("file_name")
    size = fields.integer("file_size", 0, 1 << 40, 0)
    fields.check()
    if size > LARGEST_FILE:
        raise invalid({"file_size": ["The file is too large."]})
    name = f"f-{size:x}"
    return reply({"file_id": name, "upload_url": f"https://storage.example/{name}?signature=stand-in"}, call.faults)


def validate_file(call: Call) -> Reply:
    """Whether a file can be read."""
    fields = read_fields(call.content_type, call.body)
    name = fields.text("file_id")
    fields.check()
    good = _FILE.fullmatch(name) is not None
    return reply({"is_valid": good, "error_type": None if good else "unknown_file"}, call.faults)


OPERATIONS: Final[Mapping[str, Operation]] = {
    f"{_PREFIX}/chat/stream/": chat_stream,
    f"{_PREFIX}/thread/{{thread_id}}/chat/stream/": thread_chat_stream,
    f"{_PREFIX}/feedback/upsert/": feedback,
    f"{_PREFIX}/exit-feedback/upsert/": exit_feedback,
    f"{_PREFIX}/thread/{{thread_id}}/handoff/": handoff,
    f"{_PREFIX}/files/": files,
    f"{_PREFIX}/files/validate/": validate_file,
}


def _stream(call: Call, thread: str | None) -> Reply:
    fields = read_fields(call.content_type, call.body)
    mode = fields.choice("mode", ("default", "deep_thinking"), "default")
    fields.texts("files")
    fields.check()
    answer, faults = chat_answer(call, call.project(), thread)
    records = [encode_record("stream_start", {"thread_id": answer.thread_id})]
    if mode == "deep_thinking":
        records += [_activity(answer, status) for status in ("started", "completed")]
    return Reply((*records, *encode_stream(answer, faults)), faults, streamed=True)


def _activity(answer: Answer, status: str) -> bytes:
    content: dict[str, object] = {"id": "1", "name": "search", "status": status}
    if status == "completed":
        content["num_results"] = len(answer.sources)
        content["summary"] = answer.note
    return encode_record("agent_activity_update", content)
