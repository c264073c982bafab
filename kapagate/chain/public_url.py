"""The only source of absolute links: the policy's name of the gateway, else what trusted proxies say it is called."""

from __future__ import annotations

from msgspec import Struct

from kapagate.chain.request import Request


class PublicUrl(Struct, frozen=True):
    """`base`: scheme and authority as the policy says them; empty where it does not."""

    base: str = ""

    def of(self, request: Request) -> str:
        """Scheme and authority for links to this client; empty where nobody to be trusted has said any.

        `Host` is the client's own word and never taken (`request.host` is a trusted proxy's).
        """
        if self.base or not request.host:
            return self.base
        return f"{'https' if request.secure else 'http'}://{request.host}"
