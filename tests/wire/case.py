"""The corpus: cases are data, `cases/requests/*.yaml`, and this is what may stand in them.

A file is a list of entries. An entry is one case, or with `each` a family of cases that differ in one place:

    - name: te_spelt_oddly
      reason: "RFC 9112, 6.1: ..."          what demands it: a section, or an advisory
      bytes: |                              in the notation of `notation.py`; `\\(each)` is the place that differs
        POST /a HTTP/1.1\\r\\n
        ...
      each: {capitals: CHUNKED}
      answers: 400 malformed-request        what the client is told, one or a list: a status, of refusals their kind
      arrives: POST /a                      the complete requests that reach the upstream, one or a list, or none
      then: closed                          the connection afterwards: open, closed, or silent (more is waited for).
                                            By default open where something arrives, else closed
      unfinished: true                      the body breaks: part of a request may have reached the upstream
      upstream: |                           what the upstream answers instead of its usual 200
      trusted: true                         the client is a trusted hop
      missing: "..."                        the part of the gateway that is not there yet; the case must fail until then

`answers` and `arrives` have a long form: `{status: 200, has: {vary: a}, lacks: [server], body: ...}` and
`{line: POST /a, body: abc, has: {content-type: text/plain}, lacks: [upgrade]}`. `has` gives a field's only value, or
the list of all its values. A request arrives with no body unless `body` is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tests.wire.notation import WAIT, decoded

CASES = Path(__file__).parent / "cases"
_EACH = "\\(each)"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


Bytes = Annotated[bytes, BeforeValidator(lambda text: decoded(text) if isinstance(text, str) else text)]
Values = Annotated[list[Bytes], BeforeValidator(_listed)]


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Answered(Entry):
    """One answer to the client. `kind`: of a problem. `to_head`: it has a head only."""

    status: int = Field(ge=200, lt=600)
    kind: str = ""
    to_head: bool = False
    body: Bytes | None = None
    has: dict[str, Values] = {}
    lacks: list[str] = []


class Arrived(Entry):
    """One request as the upstream gets it: method and target, the fields that matter, the body without framing."""

    line: Annotated[str, BeforeValidator(lambda text: decoded(text).decode("ascii"))]
    body: Bytes = b""
    has: dict[str, Values] = {}
    lacks: list[str] = []


def _answers(value: Any) -> Any:
    return [_answer(each) if isinstance(each, str) else each for each in _listed(value)]


def _answer(text: str) -> dict[str, str]:
    status, _, kind = text.partition(" ")
    return {"status": status, "kind": kind}


def _arrivals(value: Any) -> Any:
    return [{"line": each} if isinstance(each, str) else each for each in _listed(value)]


class Case(Entry):
    """See above. `bytes` are what is sent at once, `awaiting` what is sent after a `100 Continue`."""

    name: str = Field(pattern=r"^[a-z0-9_]+(\[[a-z0-9_]+\])?$")
    reason: str = Field(pattern=r"RFC \d|design|CVE-\d|issue")
    bytes: Bytes
    awaiting: Bytes = b""
    interim: bool = False
    trusted: bool = False
    answers: Annotated[list[Answered], BeforeValidator(_answers)] = []
    arrives: Annotated[list[Arrived], BeforeValidator(_arrivals)] = []
    then: Literal["open", "closed", "silent"]
    unfinished: bool = False
    upstream: Bytes = b""
    missing: str = ""

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, entry: dict[str, Any]) -> dict[str, Any]:
        sent, waits, rest = entry.get("bytes", "").partition(WAIT)
        if waits:
            entry = {**entry, "bytes": sent, "awaiting": rest}
        return {"then": "open" if "arrives" in entry else "closed", **entry}

    def model_post_init(self, context: Any) -> None:
        if not self.answers and self.then != "silent":
            raise ValueError("a case without answers is one that waits for more: `then: silent`")
        if any(answer.status < 400 for answer in self.answers) and not self.arrives:
            raise ValueError("what is answered by the upstream arrives there")
        if any(answer.kind and answer.status < 400 for answer in self.answers):
            raise ValueError("only refusals have a kind")


class _Strict(yaml.BaseLoader):
    """Every scalar is text; no key twice."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [loader.construct_scalar(key) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    if len(set(keys)) != len(node.value):
        raise ValueError(f"a key stands twice, {node.start_mark}")
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor("tag:yaml.org,2002:map", _mapping)


def parse(text: str) -> list[Case]:
    """The cases of one file. Raises ValueError for whatever is not as above."""
    entries = yaml.load(text, _Strict)
    if not isinstance(entries, list):
        raise ValueError("a file of cases is a list")
    return [Case.model_validate(case) for entry in entries for case in _unfolded(entry)]


def _unfolded(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One entry per member of a family."""
    family = entry.pop("each", None)
    if (family is None) == (_EACH in repr(entry).replace("\\\\", "\\")):
        raise ValueError(f"{entry.get('name')}: `each` and its place \\(each) belong together")
    if family is None:
        yield entry
        return
    for name, text in family.items():
        yield {**_with(entry, text), "name": f"{entry['name']}[{name}]"}


def _with(node: Any, text: str) -> Any:
    if isinstance(node, dict):
        return {_with(key, text): _with(value, text) for key, value in node.items()}
    if isinstance(node, list):
        return [_with(value, text) for value in node]
    return node.replace(_EACH, text) if isinstance(node, str) else node


def corpus(folder: str) -> list[Case]:
    """Every case of `cases/<folder>`. Raises ValueError with the name of the file; no two cases have one name."""
    cases: dict[str, Case] = {}
    for path in sorted((CASES / folder).glob("*.yaml")):
        try:
            found = parse(path.read_text(encoding="ascii"))
        except ValueError as cause:
            raise ValueError(f"{path.name}: {cause}") from cause
        for case in found:
            if case.name in cases:
                raise ValueError(f"{path.name}: {case.name} stands twice")
            cases[case.name] = case
    return list(cases.values())
