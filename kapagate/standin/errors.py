"""Kapa's error answers: the status, the body and the headers that its clients read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class KapaError(Exception):
    """Ends a call with `status` and a JSON `body`: `{"detail": text}`, or `{field: [messages]}` for 400."""

    def __init__(self, status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def invalid(problems: Mapping[str, Sequence[str]]) -> KapaError:
    return KapaError(400, problems)


def unreadable(reason: str) -> KapaError:
    return KapaError(400, {"detail": f"JSON parse error - {reason}"})


def no_key() -> KapaError:
    return KapaError(401, {"detail": "Authentication credentials were not provided."})


def bad_key() -> KapaError:
    return KapaError(401, {"detail": "Invalid API key."})


def not_found() -> KapaError:
    """Unknown and out of reach look the same."""
    return KapaError(404, {"detail": "Not found."})


def not_acceptable() -> KapaError:
    return KapaError(406, {"detail": "Could not satisfy the request Accept header."})


def too_large() -> KapaError:
    return KapaError(413, {"detail": "The request body is too large."})


def unsupported_media(content_type: str) -> KapaError:
    return KapaError(415, {"detail": f'Unsupported media type "{content_type}" in request.'})


def failed(status: int, retry_after: int | None) -> KapaError:
    """A failure ordered by a fault."""
    if status != 429:
        return KapaError(status, {"detail": f"The stand-in was asked to fail with {status}."}, _retry(retry_after))
    wait = "" if retry_after is None else f" Expected available in {retry_after} seconds."
    return KapaError(429, {"detail": f"Request was throttled.{wait}"}, _retry(retry_after))


def _retry(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(seconds)}
