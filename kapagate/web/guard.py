"""The endpoint `guard_try`: what the guards of a tenant find in a text, and what of it would be delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import to_builtins
from pydantic import ValidationError

from kapagate.chain import problems
from kapagate.chain.generation import Generation
from kapagate.chain.problem import Problem


async def told_trial(generation: Generation, body: str) -> Any:
    """`{delivered, findings, ...}` of the text in a body such as `{"text": "...", "direction": "answer"}`. Raises
    Problem, in which nothing of the text is told.
    """
    from kapagate.policy.tryout import Trial, try_out  # most gateways are never asked

    try:
        trial = Trial.model_validate_json(body)
    except ValidationError as cause:
        raise Problem(problems.MALFORMED_BODY, f"the body is not what it should be: {_wrong(cause)}") from None
    try:
        document: dict[str, Any] = to_builtins(await try_out(generation, trial))
        return document
    except LookupError as cause:
        raise Problem(problems.MALFORMED_REQUEST, str(cause.args[0])) from None


def guard_of(generation: Callable[[], Generation]) -> Callable[[str], Any]:
    """The endpoint of the generation that is live when it is asked."""

    async def document(body: str) -> Any:
        return await told_trial(generation(), body)

    return document


def _wrong(cause: ValidationError) -> str:
    first = cause.errors(include_input=False, include_url=False, include_context=False)[0]
    return ": ".join(part for part in (".".join(map(str, first["loc"])), first["msg"]) if part)
