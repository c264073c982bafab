"""Where an upstream is, as the policy says it: the fields that all upstream types share."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kapagate.chain.filter import Invalid
from kapagate.chain.hop import Endpoint
from kapagate.chain.path import canonical
from kapagate.chain.problem import Problem
from kapagate.chain.units import Duration
from kapagate.chain.upstream import UpstreamType

_PORTS = {"http": 80, "https": 443}


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("expected a URL such as https://api.kapa.ai")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("a base URL has no user, query or fragment; a key goes where the policy has a field for it")
    if not parts.hostname.isascii():
        raise ValueError("write the host's name in its ASCII form (xn--...)")
    if parts.port == 0:
        raise ValueError("port 0 is no port")
    _check_path(parts.path.rstrip("/"))
    return text


def _check_path(path: str) -> None:
    try:
        same = canonical(path.encode()) == path
    except Problem as cause:
        raise ValueError(cause.detail) from None
    if not same:
        raise ValueError("write the path in its canonical form, without needless percent-escapes")


class Timeouts(BaseModel):
    """How long an upstream may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect: Annotated[Duration, Field(gt=0)] = Field(
        default=2.0, description="until the connection stands, TLS included"
    )
    first_byte: Annotated[Duration, Field(gt=0)] = Field(
        default=90.0, description="from the sent request to the first byte of the answer"
    )
    idle: Annotated[Duration, Field(gt=0)] = Field(default=30.0, description="between two pieces of the answer")
    keep_alive: Annotated[Duration, Field(gt=0)] = Field(
        default=15.0,
        description="how long a connection waits for another request, if the upstream does not say less "
        "(`Keep-Alive: timeout`): choose less than the upstream keeps it, or it closes while a request is under way",
    )


class Queue(BaseModel):
    """Who waits when all connections are in use: first come, first served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: int = Field(default=128, ge=0, le=65_536, description="the most requests that wait; 0: none does")
    timeout: Annotated[Duration, Field(gt=0)] = Field(
        default=5.0, description="how long one waits; then, and when the queue is full, it is a 503 with `Retry-After`"
    )


class Reachable(UpstreamType):
    """An upstream behind a URL. Plain HTTP stays on this machine unless the policy names the host."""

    url: Annotated[str, AfterValidator(_base_url)] = Field(
        description="base URL; a path in it is put before every path. `http://` needs a loopback host or `plain_http`"
    )
    plain_http: tuple[str, ...] = Field(
        default=(), description="hosts that may be spoken to without TLS although they are not this machine"
    )
    timeouts: Timeouts = Field(default=Timeouts(), description="`connect`, `first_byte`, `idle`")
    connections: int = Field(default=256, ge=1, le=65_536, description="the most connections open at once")
    queue: Queue = Field(default=Queue(), description="`length`, `timeout`: who waits when all connections are in use")
    ca_file: str | None = Field(
        default=None, description="PEM file of the certificate authorities that are believed instead of the system's"
    )

    client_cert: str | None = Field(
        default=None, description="PEM file of the certificate, and its chain, that is shown to the upstream"
    )
    client_key: str | None = Field(default=None, description="PEM file of the key of `client_cert`")

    @property
    def prefix(self) -> str:
        """The base URL's path, without a slash at its end."""
        return urlsplit(self.url).path.rstrip("/")

    def endpoint(self, name: str) -> Endpoint:
        """Raises `Invalid` for plain HTTP to a host that may not have it, and for link-local addresses."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if _is_link_local(host):
            raise Invalid("link-local addresses are never asked: machines keep their credentials there", ("url",))
        self._check_transport(parts, host)
        self._check_certificate(parts)
        return Endpoint(
            name=name,
            host=host,
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "https",
            ca_file=self.ca_file,
            client_cert=self.client_cert,
            client_key=self.client_key,
            connect_timeout=self.timeouts.connect,
            first_byte_timeout=self.timeouts.first_byte,
            idle_timeout=self.timeouts.idle,
            keep_alive_timeout=self.timeouts.keep_alive,
            connections=self.connections,
            queue=self.queue.length,
            queue_timeout=self.queue.timeout,
        )

    def _check_transport(self, parts: SplitResult, host: str) -> None:
        allowed = {each.strip("[]").lower() for each in self.plain_http}
        if parts.scheme == "http" and not _is_loopback(host) and host not in allowed:
            raise Invalid(f"{host} is not this machine: use https, or name it in `plain_http`", ("url",))

    def _check_certificate(self, parts: SplitResult) -> None:
        if self.client_key is not None and self.client_cert is None:
            raise Invalid("a key is shown with its certificate: `client_cert` is missing", ("client_key",))
        if self.ca_file is not None and parts.scheme != "https":
            raise Invalid("without TLS nobody shows a certificate: use https, or leave this out", ("ca_file",))
        if self.client_cert is not None and parts.scheme != "https":
            raise Invalid("a certificate is shown over TLS alone: use https", ("client_cert",))


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


def _is_link_local(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_link_local


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is written as, the IPv4 one where it is mapped; None for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
