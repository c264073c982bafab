"""The corpus of answers: `cases/answers/*.yaml`, in the notation of `notation.py`, and this is what may stand in them.

A file is a list of entries: one case each, or with `each` a family of cases that differ in one place, `\\(each)`:

    - name: body_shorter_than_its_length
      reason: "RFC 9112, 8: ..."            what demands it
      upstream: |                           what the upstream says, once the request is there
        HTTP/1.1 200 OK\\r\\n
        Content-Length: 10\\r\\n\\r\\nhello
      then: closes                          what it does then: waits, closes or resets; waits by default
      late: 91                              seconds that pass then without a word
      dripped: 2                            seconds that pass between two of its bytes
      method: HEAD                          of the request; GET by default. POST is sent with a body
      body: unsent                          of a POST: only half of it is there when the upstream answers
      path: /guarded/x                      where a rule reads the answer; /a/x by default
      answers: 200                          what the client is told: the status, of refusals their kind
      tells: hello                          the body that the client gets; of a refusal it is not looked at
      has: {vary: [a, b]}                   all values of these fields
      lacks: [server]
      unfinished: true                      the client sees that the message is not complete
      records: upstream-truncated           the problem in the record; by default that of `answers`, or none
      goes_back: true                       the connection serves the next request; by default it does not;
                                            either: where that depends on how fast the answer came

"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tests.wire.notation import decoded

CASES = Path(__file__).parent / "cases" / "answers"
_EACH = "\\(each)"

Bytes = Annotated[bytes, BeforeValidator(lambda text: decoded(text) if isinstance(text, str) else text)]
Values = Annotated[list[Bytes], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]


class AnswerCase(BaseModel):
    """See above."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+(\[[a-z0-9_]+\])?$")
    reason: str = Field(pattern=r"RFC \d|design|CVE-\d|issue")
    upstream: Bytes
    then: Literal["waits", "closes", "resets"] = "waits"
    late: float = 0.0
    dripped: float = 0.0
    method: Literal["GET", "HEAD", "POST"] = "GET"
    body: Literal["sent", "unsent"] = "sent"
    path: str = "/a/x"
    status: int = Field(ge=200, lt=600)
    kind: str = ""
    tells: Bytes = b""
    has: dict[str, Values] = {}
    lacks: list[str] = []
    unfinished: bool = False
    records: str = ""
    goes_back: Literal["true", "false", "either"] = "false"

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, entry: dict[str, Any]) -> dict[str, Any]:
        status, _, kind = entry.pop("answers", "").partition(" ")
        return {"records": kind, **entry, "status": status, "kind": kind}


class _Text(yaml.BaseLoader):
    """Every scalar is text."""


def parse(text: str) -> list[AnswerCase]:
    """The cases of one file. Raises ValueError for whatever is not as above."""
    return [AnswerCase.model_validate(case) for entry in yaml.load(text, _Text) for case in _unfolded(entry)]


def _unfolded(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One entry per member of a family."""
    family = entry.pop("each", None)
    if (family is None) == (_EACH in "".join(each for each in entry.values() if isinstance(each, str))):
        raise ValueError(f"{entry.get('name')}: `each` and its place \\(each) belong together")
    for name, text in (family or {}).items():
        told = {key: each.replace(_EACH, text) if isinstance(each, str) else each for key, each in entry.items()}
        yield {**told, "name": f"{entry['name']}[{name}]"}
    if family is None:
        yield entry


def answer_cases() -> list[AnswerCase]:
    """All cases of all files. Raises ValueError with the name of the file; no two cases have one name."""
    cases: dict[str, AnswerCase] = {}
    for path in sorted(CASES.glob("*.yaml")):
        try:
            found = parse(path.read_text(encoding="ascii"))
        except ValueError as cause:
            raise ValueError(f"{path.name}: {cause}") from cause
        for case in found:
            if case.name in cases:
                raise ValueError(f"{path.name}: {case.name} stands twice")
            cases[case.name] = case
    return list(cases.values())
