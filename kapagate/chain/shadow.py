"""`mode: shadow`: the step works on a fork of the exchange, and what it would have done becomes its verdict.

The fork shares what the wire said and the parsed body, and has its own edit, facts, headers and verdicts. Whoever
would have refused stays out of the later phases, as it would have been refused there. Stateful ports are compiled
under a prefix of the shadow's own.

A shadow looks at what passes anyway, and at nothing else. A request's body goes on byte for byte; one of unknown length
is not waited for. An answer that no other step reads passes as it came, with every field and at its own pace, and is
looked at on the side. What cannot be read so (a body in pieces, a coded answer) was not seen: `skipped`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from kapagate.answer.events import TextKind
from kapagate.answer.refusal import Refusal
from kapagate.answer.rules import AnswerRules, Edit, TextRule
from kapagate.chain.edit import UNREAD
from kapagate.chain.exchange import Exchange, Unseen
from kapagate.chain.problem import Problem
from kapagate.chain.response import Response
from kapagate.chain.step import OnOpening, OnSeal, Step
from kapagate.chain.verdict import Verdict


class Watcher(Protocol):
    """Who counts what shadows would have done. One per generation, or none."""

    def note(self, ex: Exchange, step: str) -> None:
        """A shadow is done with an exchange that came to it: its verdict and its share of the report say what it would
        have done.
        """


def shadow(step: Step, name: str) -> Step:
    """The step as a shadow of itself: it changes nothing, delays nothing that it does not read, and never fails."""
    twin = _Shadow(step, name)
    return replace(
        step,
        writes=frozenset(),
        on_request=step.on_request and twin.on_request,
        on_answer=step.on_answer and twin.on_answer,
        on_opening=step.on_opening and twin.waiting(step.on_opening),
        on_seal=step.on_seal and twin.waiting(step.on_seal),
        on_done=twin.on_done,
    )


class _Shadow:
    def __init__(self, step: Step, name: str) -> None:
        self._step = step
        self._name = name
        self._unbind = _Unbinding()

    async def on_request(self, ex: Exchange) -> None:
        copy = self._fork(ex)
        if copy is None or self._step.on_request is None:
            return
        verdict = self._verdict(ex)
        try:
            await _compare(verdict, copy, ex, await self._step.on_request(copy))
        except Exception as cause:
            self._leave(ex, cause)
        verdict.counts = copy.verdict().counts

    def on_answer(self, ex: Exchange) -> AnswerRules | None:
        copy = self._fork(ex)
        if copy is None or self._step.on_answer is None:
            return None
        try:
            rules = self._step.on_answer(copy)
        except Exception as cause:
            self._leave(ex, cause)
            return None
        self._verdict(ex)
        return rules and self._unbind(rules)

    def waiting(self, hook: OnOpening | OnSeal) -> OnOpening:
        async def on_phase(ex: Exchange) -> None:
            copy = self._fork(ex)
            if copy is not None:
                try:
                    await hook(copy)
                except Exception as cause:
                    self._leave(ex, cause)

        return on_phase

    def on_done(self, ex: Exchange) -> None:
        hook, watcher = self._step.on_done, ex.generation.watcher
        copy = self._fork(ex) if hook is not None else None
        if copy is not None and hook is not None:
            try:
                hook(copy)
            except Exception as cause:
                self._leave(ex, cause)
        verdict = ex.verdicts.get(self._name)
        if watcher is not None and verdict is not None and verdict.mode == "shadow":
            watcher.note(ex, self._name)

    def _fork(self, ex: Exchange) -> Exchange | None:
        """The shadow's exchange, made when it is first needed and brought up to date; None when it has left."""
        if self._name not in ex.forks:
            ex.forks[self._name] = ex.fork(self._name)
        copy = ex.forks[self._name]
        if copy is not None:
            copy.catch_up()
        return copy

    def _verdict(self, ex: Exchange) -> Verdict:
        verdict = ex.verdict(self._name)
        verdict.mode = "shadow"
        return verdict

    def _leave(self, ex: Exchange, cause: Exception) -> None:
        verdict = self._verdict(ex)
        ex.forks[self._name] = None
        if isinstance(cause, Unseen):
            verdict.outcome, verdict.reason = "skipped", "uninspectable"
            return
        verdict.outcome = "refused" if isinstance(cause, Refusal) else "failed"
        verdict.reason = type(cause).__name__
        if isinstance(cause, Problem):
            verdict.reason = cause.kind.name
            verdict.rule = str(cause.members.get("rule", ""))


async def _compare(verdict: Verdict, copy: Exchange, ex: Exchange, response: Response | None) -> None:
    """What the step would have done where it did not fail."""
    own, edit = copy.verdict(), ex.edit
    if copy.edit.document is not UNREAD and edit.document is UNREAD:
        edit = edit.with_document(await ex.fork(ex.step).document())
    changed = copy.edit != edit or bool(copy.headers_out)
    verdict.outcome = "answered" if response is not None else "changed" if changed else own.outcome
    verdict.reason = own.reason


class _Unbinding:
    """Rules that only look. Those that a step gives every time, as most do, are made such once."""

    __slots__ = ("_given", "_made")

    def __init__(self) -> None:
        self._given = self._made = AnswerRules()

    def __call__(self, rules: AnswerRules) -> AnswerRules:
        if rules is not self._given:
            texts = tuple(map(_Careful, rules.texts))
            absent = rules.absent and _careful(rules.absent)
            self._given, self._made = rules, replace(rules, texts=texts, absent=absent, binding=False)
        return self._made


class _Careful:
    """A text rule whose failure hurts nobody, not even while it only says whether there is anything to look at."""

    __slots__ = ("_clean", "context", "kinds", "reach", "scan")

    def __init__(self, rule: TextRule) -> None:
        self.reach: int = rule.reach
        self.context: int = rule.context
        self.kinds: frozenset[TextKind] = rule.kinds
        self.scan: Callable[[str, int, bool], tuple[Sequence[Edit], int]] = rule.scan
        self._clean: Callable[[Sequence[str]], bool] = getattr(rule, "clean", _unclear)

    def clean(self, texts: Sequence[str]) -> bool:
        try:
            return self._clean(texts)
        except Exception:
            return False


def _unclear(texts: Sequence[str]) -> bool:
    return False


def _careful(absent: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    def surely(data: bytes) -> bool:
        try:
            return absent(data)
        except Exception:
            return False

    return surely
