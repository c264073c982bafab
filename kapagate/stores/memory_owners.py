"""Claims in this process's memory: bounded, and gone with the process."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice

from kapagate.chain.clock import Clock

_LOOKS = 4  # claims at the front that are looked at for every one that comes


class MemoryOwners:
    """`Owners` (kapagate.kapa.ownership) of at most `most` ids, the longest unused of which give way."""

    failure = ""

    def __init__(self, clock: Clock, most: int = 50_000) -> None:
        self._clock = clock
        self._most = most
        self._claims: dict[str, tuple[str, float]] = {}

    def claim(self, owner: str, names: Sequence[str], until: float) -> None:
        """Never waits."""
        self.grant(owner, names, until)

    def grant(self, owner: str, names: Sequence[str], until: float) -> list[str]:
        """Those of the ids that are the owner's now; not those that are somebody else's already."""
        claims, now, claim, granted = self._claims, self._clock.wall(), (owner, until), []
        for name in names:
            held = claims.get(name)
            if held is not None:
                if held[0] != owner and held[1] > now:
                    continue
                del claims[name]
            claims[name] = claim
            granted.append(name)
        self._make_room(now)
        return granted

    async def owner_of(self, name: str) -> str | None:
        owner, until = self._claims.get(name, (None, 0.0))
        return owner if until > self._clock.wall() else None

    async def owned_by(self, owner: str) -> Collection[str]:
        now = self._clock.wall()
        return {name for name, (holder, until) in self._claims.items() if holder == owner and until > now}

    def __len__(self) -> int:
        return len(self._claims)

    def _make_room(self, now: float) -> None:
        claims = self._claims
        for name in [name for name in islice(claims, _LOOKS) if claims[name][1] <= now]:
            del claims[name]
        while len(claims) > self._most:
            del claims[next(iter(claims))]
