"""Whether our own client counts what there is: its streams beside those that nginx counted between them."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Any
from urllib.request import urlopen

from bench.entrant import bearer, peers
from bench.load import CONNECTIONS
from bench.paired import Plan, by_own_client
from bench.site import Site

_REQUESTS = re.compile(r"(\d+) +(\d+) +(\d+)")


def census(site: Site, plan: Plan) -> dict[str, Any]:
    """Both counts. Raises RuntimeError when they differ by more than what was under way at the end."""
    nginx = peers(streamed=True)["nginx"]
    if nginx.absent:
        return {"absent": {nginx.name: nginx.absent}}
    with ExitStack() as stack:
        upstream = stack.enter_context(site.records())
        running = stack.enter_context(nginx.started(site, upstream))
        before = counted(running.port)
        answers, _ = by_own_client(running.port, bearer(streamed=True)(site.keys, upstream)[0], plan.seconds)
        beside = counted(running.port) - before - 1  # the question after the count
    if not agrees(answers, beside):
        raise RuntimeError(f"our client counted {answers} streams, nginx {beside}")
    return {"client": answers, "nginx": beside}


def agrees(client: int, nginx: int) -> bool:
    return client <= nginx <= client + CONNECTIONS


def counted(port: int) -> int:
    """The requests so far, this one among them (ngx_http_stub_status_module)."""
    with urlopen(f"http://127.0.0.1:{port}/requests", timeout=5) as answer:
        found = _REQUESTS.search(answer.read().decode())
    if found is None:
        raise ValueError("nginx said no numbers")
    return int(found[3])
