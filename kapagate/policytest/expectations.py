"""What was expected of a call, held against what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from msgspec import Struct

from kapagate.chain.headers import Headers
from kapagate.policytest.declaration import Expectation, Sent, Text
from kapagate.policytest.play import Told

Path = tuple[str | int, ...]
_ABSENT = "nothing"
_ROUNDING = 1e-6


class Miss(Struct, frozen=True):
    """One expectation that was not met. `path`: where it stands within `expect`."""

    path: Path
    expected: str
    got: str


def misses(expected: Expectation, told: Told) -> list[Miss]:
    """Everything that is otherwise than expected."""
    found = [*_plain(expected, told), *_headers(expected.headers, told.got.headers, ("headers",))]
    if expected.text is not None:
        found += _text(expected.text, told.text, ("text",))
    if expected.body is not None:
        found += _within(expected.body, told.document, ("body",))
    if expected.upstream is not None:
        found += _sent(expected.upstream, told)
    for step, decision in expected.decisions.items():
        if (got := told.decisions.get(step, _ABSENT)) != decision:
            found.append(Miss(("decisions", step), decision, f"{got}{_reason(told, step)}"))
    if expected.audit is not None:
        found += _within(expected.audit, told.record, ("audit",))
    for (series, growth), grown in zip(expected.metrics.items(), told.grown, strict=True):
        if abs(grown - growth) > _ROUNDING:
            found.append(Miss(("metrics", series), f"{growth:g}", f"{grown:g}"))
    return found


def _plain(expected: Expectation, told: Told) -> Iterator[Miss]:
    problem = told.problem
    found = {
        "outcome": told.outcome,
        "status": told.status,
        "problem": problem.kind.name if problem else None,
        "step": problem.step if problem else None,
        "rule": problem.members.get("rule") if problem else None,
    }
    for name, got in found.items():
        wanted = getattr(expected, name)
        if wanted is not None and wanted != got:
            why = f" ({problem.detail})" if problem and problem.detail else ""
            yield Miss((name,), str(wanted), f"{_ABSENT if got is None else got}{why}")


def _headers(expected: Mapping[str, str | None], got: Headers, path: Path) -> Iterator[Miss]:
    for name, wanted in expected.items():
        value = got.text(name.lower().encode())
        if value != wanted:
            yield Miss((*path, name), _shown(wanted), _shown(value))


def _text(expected: Text, got: str, path: Path) -> Iterator[Miss]:
    if expected.equals is not None and got != expected.equals:
        yield Miss((*path, "equals"), _shown(expected.equals), _shown(got))
    for index, words in enumerate(expected.contains):
        if words not in got:
            yield Miss((*path, "contains", index), f"a text with {_shown(words)}", _shown(got))
    for index, words in enumerate(expected.lacks):
        if words in got:
            yield Miss((*path, "lacks", index), f"a text without {_shown(words)}", _shown(got))


def _sent(expected: Sent, told: Told) -> Iterator[Miss]:
    path: Path = ("upstream",)
    if expected.calls is not None and len(told.asked) != expected.calls:
        yield Miss((*path, "calls"), str(expected.calls), str(len(told.asked)))
    if expected.model_fields_set == {"calls"}:
        return
    if not told.asked:
        yield Miss(path, "a request to the upstream", "none")
        return
    last = told.asked[-1]
    plain = {"name": last.upstream, "request": f"{last.method} {last.target}"}
    for name, got in plain.items():
        if (wanted := getattr(expected, name)) not in (None, got):
            yield Miss((*path, name), wanted, got)
    yield from _headers(expected.headers, last.headers, (*path, "headers"))
    if expected.body is not None:
        yield from _within(expected.body, _parsed(last.body), (*path, "body"))
    if expected.text is not None:
        yield from _text(expected.text, last.body.decode("utf-8", "replace"), (*path, "text"))


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return None


def _within(expected: Any, got: Any, path: Path) -> Iterator[Miss]:
    """Of mappings what is named, of anything else all."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, wanted in expected.items():
            if wanted is None and key not in got:
                continue
            yield from _within(wanted, got.get(key), (*path, key))
    elif expected != got or isinstance(expected, bool) != isinstance(got, bool):
        yield Miss(path, _shown(expected), _shown(got))


def _reason(told: Told, step: str) -> str:
    verdict = told.exchange.verdicts.get(step) if told.exchange is not None else None
    return f" ({verdict.reason})" if verdict is not None and verdict.reason else ""


def _shown(value: Any) -> str:
    if value is None:
        return _ABSENT
    said = f'"{value}"' if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return said if len(said) <= 300 else f"{said[:297]}..."
