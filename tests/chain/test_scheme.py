from __future__ import annotations

import pytest
from pydantic import ValidationError

from kapagate.chain.principal import Principal
from kapagate.chain.scheme import Recogniser, Scheme
from kapagate.chain.services import Services


class Knock(Scheme):
    """Whoever knocks often enough."""

    times: int

    def compile(self, services: Services) -> Recogniser:
        async def recognise(ex) -> Principal | None:
            knocks = ex.request.headers.all(b"x-knock")
            return Principal("ann", "acme") if len(knocks) >= self.times else None

        return Recogniser(recognise, frozenset({b"x-knock"}), "Knock")


async def test_a_scheme_compiles_to_a_recogniser(lab) -> None:
    recogniser = Knock(times=2).compile(Services({}))
    knock = (b"X-Knock", b"1")
    assert await recogniser.recognise(lab.exchange(headers=[knock])) is None
    assert await recogniser.recognise(lab.exchange(headers=[knock, knock])) == Principal("ann", "acme")
    assert (recogniser.headers, recogniser.challenge) == ({b"x-knock"}, "Knock")


def test_a_scheme_is_strict_and_frozen_and_its_errors_quote_no_input() -> None:
    with pytest.raises(ValidationError):
        Knock.model_validate({"times": 1, "mode": "shadow"})
    with pytest.raises(ValidationError):
        Knock(times=1).times = 2
    with pytest.raises(ValidationError) as caught:
        Knock.model_validate({"times": "clear text"})
    assert "clear text" not in str(caught.value)
