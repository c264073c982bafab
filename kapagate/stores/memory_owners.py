"""Claims in this process's memory: bounded, and gone with the process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence

from kapagate.chain.clock import Clock


class MemoryOwners:
    """`Owners` (kapagate.kapa.ownership) of at most `most` ids, the longest unused of which give way.

    In the order of their use. (A plain dict would keep that too, but search through what was removed at its front.)
    """

    failure = ""

    def __init__(self, clock: Clock, most: int = 50_000) -> None:
        self._clock = clock
        self._most = most
        self._claims: OrderedDict[str, tuple[str, float]] = OrderedDict()

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
                claims.move_to_end(name)
            claims[name] = claim
            granted.append(name)
        while len(claims) > self._most:
            claims.popitem(last=False)
        return granted

    async def owner_of(self, name: str) -> str | None:
        owner, until = self._claims.get(name, (None, 0.0))
        return owner if until > self._clock.wall() else None

    async def owned_by(self, owner: str) -> Collection[str]:
        now = self._clock.wall()
        return {name for name, (holder, until) in self._claims.items() if holder == owner and until > now}

    def forget(self) -> None:
        """No id is anybody's."""
        self._claims.clear()

    def __len__(self) -> int:
        return len(self._claims)
