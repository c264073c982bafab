"""The widget's proxy as data: what Kapa's website widget and React SDK ask, and what of it leaves.

It has no key. `X-WEBSITE-ID` says whose widget it is, and is the tenant's own; a captcha that the visitor's browser has
solved goes on as it came. Its streams are Kapa's, with two more types of records (`stream_start`, and
`agent_activity_update`, whose strings are texts).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import orjson

from kapagate.answer.events import Place
from kapagate.chain.headers import Headers
from kapagate.chain.route import Surface
from kapagate.kapa import fields
from kapagate.kapa.errors import ErrorCodec
from kapagate.kapa.fields import Shape
from kapagate.kapa.operation import CHAT_SHOWS, COMMENT, MADE, QUESTION, Id, Operation
from kapagate.kapa.records import RecordsCodec

WEBSITE: Final = b"X-WEBSITE-ID"
CAPTCHAS: Final = (
    (b"x-recaptcha-enterprise-token", b"X-RECAPTCHA-ENTERPRISE-TOKEN"),
    (b"x-hcaptcha-token", b"X-HCAPTCHA-TOKEN"),
)
MOST_FILES: Final = 10
_PREFIX: Final = "/proxy/query/v2"
_TOKEN = re.compile(rb"[A-Za-z0-9_.~+/=-]{1,16384}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_QUESTION: Final[frozenset[Surface]] = frozenset({"question"})
_THREAD: Final = Id("path", ("thread_id",), "thread")


def _comment(value: Any) -> str:
    """An object in a string, as the SDK sends it."""
    return orjson.dumps(fields.comment(value)).decode()


def _names(value: Any) -> list[str]:
    said = fields.texts(value)
    if len(said) > MOST_FILES or not all(map(_NAME.fullmatch, said)):
        raise ValueError(f"must be the ids of at most {MOST_FILES} files")
    return said


def _name(value: Any) -> str:
    if not _NAME.fullmatch(fields.text(value)):
        raise ValueError("must be an id")
    return str(value)


def _address(value: Any) -> str:
    if not _ADDRESS.fullmatch(fields.text(value)):
        raise ValueError("must be an e-mail address")
    return str(value)


_CHAT_FIELDS: Final[Mapping[str, Shape]] = {
    "query": fields.text,
    "mode": fields.choice("default", "deep_thinking"),
    "customization_id": fields.uuid,
    "source_group_ids_include": fields.uuids,
    "metadata": fields.origin,
}
_FEEDBACK_FIELDS: Final[Mapping[str, Shape]] = {
    "question_answer": fields.uuid,
    "reaction": fields.choice("upvote", "downvote"),
    "comment": _comment,
}


def _operation(name: str, path: str, **more: Any) -> Operation:
    permission = more.pop("permission", "kapa.widget")
    return Operation(name=f"widget_{name}", template=f"{_PREFIX}/{path}", permission=permission, **more)


def _chat(name: str, path: str, files: bool, ids: tuple[Id, ...]) -> Operation:
    return _operation(
        name,
        path,
        fields={**_CHAT_FIELDS, "files": _names} if files else _CHAT_FIELDS,
        required="query",
        item="thread_id" if ids is not MADE else "",
        texts=QUESTION,
        shows=CHAT_SHOWS,
        scoped=True,
        attributed=True,
        streams=True,
        codec=RecordsCodec,
        ids=ids,
    )


def operations(also: Collection[str]) -> tuple[Operation, ...]:
    """The operations that are served; `handoff` and `files` only where they are listed."""
    files = "files" in also
    served = [
        _chat("chat_stream", "chat/stream/", files, MADE),
        _chat("thread_chat_stream", "thread/{thread_id}/chat/stream/", files, (_THREAD, *MADE)),
        _operation(
            "feedback",
            "feedback/upsert/",
            fields=_FEEDBACK_FIELDS,
            required="question_answer",
            texts=COMMENT,
            shows=_QUESTION,
            subject="user_identifier",
            ids=(Id("body", ("question_answer",), "answer"),),
        ),
        _operation(
            "exit_feedback",
            "exit-feedback/upsert/",
            fields={**_FEEDBACK_FIELDS, "comment": fields.text},
            required="question_answer",
            texts=(Place(("comment",), "comment"),),
            shows=_QUESTION,
            attributed=True,
            ids=(Id("body", ("question_answer",), "answer"),),
        ),
    ]
    if "handoff" in also:
        served.append(_handoff())
    return (*served, *(_files() if files else ()))


def _handoff() -> Operation:
    return _operation(
        "handoff",
        "thread/{thread_id}/handoff/",
        permission="kapa.widget_handoff",
        fields={"recipient_email": _address, "user_email": _address, "note": fields.text},
        required="recipient_email",
        item="thread_id",
        texts=(Place(("note",), "comment"),),
        shows=_QUESTION,
        ids=(_THREAD,),
    )


def _files() -> Iterable[Operation]:
    permission = "kapa.widget_files"
    name = Place(("file_name",), "comment")
    return (
        _operation(
            "files",
            "files/",
            permission=permission,
            fields={"file_name": fields.text, "file_size": fields.count},
            required="file_name",
            texts=(name,),
            shows=_QUESTION,
            attributed=True,
        ),
        _operation(
            "files_validate",
            "files/validate/",
            permission=permission,
            fields={"file_id": _name},
            required="file_id",
            attributed=True,
        ),
    )


def captcha_of(headers: Headers) -> list[tuple[bytes, bytes]]:
    """What the visitor's browser has solved."""
    said = ((name, headers.get(lower)) for lower, name in CAPTCHAS)
    return [(name, value) for name, value in said if value is not None and _TOKEN.fullmatch(value)]


class WidgetErrorCodec(ErrorCodec):
    """Kapa's errors; that a captcha was refused is told whatever the words, for the widget looks for that word."""

    def read(self, body: bytes) -> Any:
        told = super().read(body)
        return {"detail": "The captcha was refused."} if told is self.neutral and b"captcha" in body.lower() else told
