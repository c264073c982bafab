"""What a gateway's addresses have to be for each other, so that a policy that is accepted can also be served."""

from __future__ import annotations

from kapagate.access.hosts import is_loopback
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import Gateway
from kapagate.policy.nodes import Mapping
from kapagate.policy.validation import place


def check_doors(gateway: Gateway, node: Mapping, problems: Diagnostics) -> None:
    """Notes an address that `data` shares with another door, and an admin address that others reach without keys, be
    they on other machines or pages in a browser.
    """
    listen = gateway.listen
    for name, other in (("probe", listen.probe), ("admin", listen.admin)):
        if other is not None and other == listen.data and other.port:
            span = place(node, ("listen", name))
            problems.add(codes.UNACCEPTABLE, span, f"{other} is the address of `data`; give `{name}` its own")
    if not is_loopback(listen.admin.host) and "admin_keys" not in node.entries:
        message = f"other machines reach {listen.admin}: declare `admin_keys`, or take a loopback address"
        problems.add(codes.UNACCEPTABLE, place(node, ("listen", "admin")), message)
    if listen.admin_origins and "admin_keys" not in node.entries:
        message = "such a page could do everything in the browser of anybody on this machine: declare `admin_keys`"
        problems.add(codes.UNACCEPTABLE, place(node, ("listen", "admin_origins")), message)
