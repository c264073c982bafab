import random

from bench.soak import KINDS, Soak
from kapagate.demo.people import Keys


def test_every_kind_has_its_share_and_what_is_due() -> None:
    assert sum(each.often for each in KINDS) == 1000
    assert all(each.due for each in KINDS)


def test_everybody_is_somebody_else_and_strangers_have_no_token() -> None:
    soak = Soak(1, Keys.made(bytes), random.Random(0), 1_000_000)
    asked = {soak._request(KINDS[0]) for _ in range(50)}
    assert len(asked) == 50
    stranger = next(each for each in KINDS if each.name == "no token")
    assert b"Bearer x.y.z\r\n" in soak._request(stranger)
