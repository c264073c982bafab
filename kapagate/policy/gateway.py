"""`kind: Gateway`: where the gateway listens, who may do what, what stands behind it. Steps and upstreams keep their
raw form here: each is read by its own declaration."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    WithJsonSchema,
)

from kapagate.access.hosts import host_of
from kapagate.access.networks import parse_network
from kapagate.access.origins import Origin
from kapagate.access.roles import RoleDeclaration
from kapagate.chain.order import NEUTRAL
from kapagate.chain.scheme import Scheme
from kapagate.chain.secret import Secret
from kapagate.chain.units import Duration, Size
from kapagate.chain.watched import FilePath

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class Settings(BaseModel):
    """A part of a policy document."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Address(Struct, frozen=True):
    """A TCP address to listen on; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(value: Any) -> Address:
    """`127.0.0.1:8080`, `[::1]:8080`. Raises ValueError."""
    if isinstance(value, Address):
        return value
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or (":" in bare) != (bare != host) or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise ValueError('expected HOST:PORT, such as "127.0.0.1:8080" or "[::1]:8080"')
    return Address(bare, int(port))


Listener = Annotated[
    InstanceOf[Address], BeforeValidator(parse_address), PlainSerializer(str), WithJsonSchema({"type": "string"})
]


class UnixAddress(Struct, frozen=True):
    """A unix socket to listen on."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


def parse_data_address(value: Any) -> Address | UnixAddress:
    """As `parse_address`, or `unix:/run/kapagate/data.sock`. Raises ValueError."""
    if isinstance(value, UnixAddress):
        return value
    if isinstance(value, str) and value.startswith("unix:") and value != "unix:" and "\0" not in value:
        return UnixAddress(value.removeprefix("unix:"))
    try:
        return parse_address(value)
    except ValueError:
        raise ValueError('expected HOST:PORT, such as "127.0.0.1:8080", or unix:PATH') from None


DataListener = Annotated[
    InstanceOf[Address] | InstanceOf[UnixAddress],
    BeforeValidator(parse_data_address),
    PlainSerializer(str),
    WithJsonSchema({"type": "string"}),
]


def _host(value: str) -> str:
    if not host_of(value) or host_of(value) != value.strip("[]").lower().rstrip("."):
        raise ValueError("expected a host without scheme and port, such as gateway.internal")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if (
        parts.scheme not in ("http", "https")
        or not host_of(parts.netloc)
        or value != f"{parts.scheme}://{parts.netloc}"
    ):
        raise ValueError("expected a URL without a path, such as https://ask.example")
    return value


HostName = Annotated[str, AfterValidator(_host)]


def _exact(origin: str) -> str:
    if "*" in origin:
        raise ValueError("name the origin itself: administration is for pages that are known")
    return origin


ExactOrigin = Annotated[Origin, AfterValidator(_exact)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]


class State(Struct, frozen=True):
    """Where state is kept: the path of an SQLite file, or None for memory."""

    path: str | None

    def __str__(self) -> str:
        return "memory" if self.path is None else f"sqlite:{self.path}"


def parse_state(value: Any) -> State:
    """`memory`, `sqlite:PATH`. Raises ValueError."""
    if isinstance(value, State):
        return value
    if value == "memory":
        return State(None)
    if isinstance(value, str) and value.startswith("sqlite:") and value != "sqlite:":
        return State(value.removeprefix("sqlite:"))
    raise ValueError('expected "memory" or "sqlite:PATH"')


Stored = Annotated[
    InstanceOf[State], BeforeValidator(parse_state), PlainSerializer(str), WithJsonSchema({"type": "string"})
]
Hop = Annotated[
    InstanceOf[IPv4Network] | InstanceOf[IPv6Network],
    BeforeValidator(parse_network),
    WithJsonSchema({"type": "string"}),
]
Account = Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]


class Socket(Settings):
    """The file of `data` where it is a unix socket."""

    mode: str = Field("0660", pattern=r"^0?[0-7]{3}$", description="Who may connect: those who may write to the file.")
    owner: Account | None = Field(None, description="The user that owns it, by name or number.")
    group: Account | None = Field(None, description="The group that owns it, by name or number.")


class Tls(Settings):
    """What `data` shows to clients, and asks of them. All are PEM files, read again when they change."""

    certificate: FilePath = Field(description="The certificate's file, with those that lead to its authority.")
    key: FilePath = Field(description="The file of its private key, without a password.")
    client_ca: FilePath | None = Field(
        None,
        description="The file of the authorities that a client's certificate must be from; none are asked for "
        "when left out.",
    )


class Limits(Settings):
    """Bounds of the data port."""

    head: Size = Field(32 << 10, gt=0, description="Longest head of a request.")
    body: Size = Field(1 << 20, gt=0, description="Longest body of a request that steps look into.")
    connections: int = Field(4096, ge=1, description="Most connections at a time.")
    exchanges: int = Field(2048, ge=1, description="Most requests at work at a time.")
    exchanges_per_tenant: int = Field(1024, ge=1, description="Most requests of one tenant at work at a time.")
    bytes_held: Size = Field(
        256 << 20,
        gt=0,
        description="Most bytes of bodies that steps look into, and of answers that are held to their end, at a time; "
        "what is known to have at most 64 KiB does not count.",
    )


class Deadlines(Settings):
    """How long a client may take."""

    head: Duration = Field(10.0, gt=0, description="For the head of a request to arrive.")
    body_idle: Duration = Field(30.0, gt=0, description="Between two pieces of a request's body.")
    reader: Duration = Field(60.0, gt=0, description="For a client to take what waits for it.")
    keep_alive: Duration = Field(75.0, gt=0, description="For the next request on an idle connection.")


class Shutdown(Settings):
    """How the gateway stops."""

    drain_delay: Duration = Field(0.0, description="How long it still takes requests after it said that it stops.")
    timeout: Duration = Field(25.0, description="How long running requests may take to finish.")


class Listen(Settings):
    """The gateway's own addresses and what they bear."""

    data: DataListener = Field("127.0.0.1:8080", validate_default=True, description="Where applications ask.")
    socket: Socket = Field(Socket(), description="The file of `data` where that is a unix socket.")
    tls: Tls | None = Field(None, description="TLS on `data`; plain HTTP when left out.")
    hosts: tuple[HostName, ...] = Field(
        (),
        description="Names beside loopback that `data` may be called by. On loopback no others are answered; "
        "elsewhere any, unless this lists some.",
    )
    trusted_hops: tuple[Hop, ...] = Field(
        (),
        description="Addresses and networks of proxies that are believed when they say who asks (`Forwarded` or "
        "`X-Forwarded-For`, `-Proto`, `-Host`), read from the right. From all others these fields mean nothing.",
    )
    public_url: PublicUrl | None = Field(
        None, description="The URL that clients know the gateway by; its host is one of `hosts`."
    )
    probe: Listener | None = Field(None, description="Health and metrics; at the admin address when left out.")
    admin: Listener = Field(
        "127.0.0.1:8081", validate_default=True, description="Administration; loopback needs no keys."
    )
    admin_origins: tuple[ExactOrigin, ...] = Field(
        (),
        description="Pages of other origins that may ask the admin address from a browser, such as "
        "`https://console.example`, with the key of an administrator.",
    )
    limits: Limits = Field(Limits(), description="Bounds of the data port.")
    deadlines: Deadlines = Field(Deadlines(), description="How long a client may take.")
    shutdown: Shutdown = Field(Shutdown(), description="How the gateway stops.")
    policy_header: bool = Field(
        True, description="Whether answers tell the hash of the policy that decided, as `Kapagate-Policy`."
    )


class Log(Settings):
    """How much is logged; takes effect at once when it changes."""

    level: Annotated[Literal["debug", "info", "warning", "error"], NEUTRAL] = Field(
        "info", description="From which level on there are lines; those of exchanges are `info`. `--log-level` wins."
    )
    sampling: Annotated[float, NEUTRAL] = Field(
        1.0,
        ge=0,
        le=1,
        description="The share of answered exchanges that get a line, evenly spread; all others each get theirs.",
    )


class Pseudonyms(Settings):
    """What stands for a person where a name must not go."""

    key: Secret = Field(description="The HMAC key; another key breaks the continuity of pseudonyms.")


class RouteDeclaration(Settings):
    """A route to an upstream, or to an endpoint of the gateway itself."""

    name: Name = Field(description="The route's name; callers need the permission route.<name>.")
    match: str = Field(description='Methods and path: "GET|POST /crm/{rest:*}".')
    upstream: str | None = Field(None, description="The upstream that answers.")
    serve: str | None = Field(None, description="The gateway's own endpoint that answers.")
    text: tuple[str, ...] = Field(
        (), description="Fields of JSON bodies and events that hold text, such as items[].title, each guarded whole."
    )
    question: tuple[str, ...] = Field(
        (), description="Fields of the request's JSON body that hold what is asked, such as messages[].content."
    )
    running_text: tuple[str, ...] | None = Field(
        None,
        description="Fields that hold the answer itself, whole in a JSON body, in pieces in an event stream: "
        "choices[].delta.content; `.` is plain data. Without it event streams cannot be inspected; `[]`: their events "
        "have no text that goes on in the next one.",
    )
    on_uninspectable: Literal["pass", "refuse"] | None = Field(
        None, description="What happens to bodies that guards cannot see; an error at load when left out."
    )
    path: Literal["canonical", "opaque"] = Field(
        "canonical",
        description="Whether paths are made canonical and refused where two readers could differ, or go on behind the "
        "last '/' before {rest:*} as they came, with '//', ';' and encoded slashes; what leads out of the route is "
        "still refused.",
    )
    idempotent: bool = Field(
        False,
        description="Whether a request may be sent a second time when a connection that served others before ended "
        "without a byte of an answer; never is one whose body was streamed.",
    )
    public: bool = Field(
        False, description="Nobody is asked who they are. Steps that must know are for others: `when: {public: false}`."
    )
    cors: dict[str, Any] | None = Field(None, description="The route's own `cors`, in place of the gate's.")
    ip_allow: tuple[str, ...] | dict[str, Any] | None = Field(
        None, description="The route's own `ip_allow`, in place of the gate's; a list is what is allowed."
    )
    identify: dict[str, Any] | None = Field(None, description="The route's own `identify`, in place of the gate's.")


class Gateway(Settings):
    """The one Gateway document of a policy."""

    name: str = Field("kapagate", min_length=1, max_length=128, description="The gateway's name in logs and records.")
    listen: Listen = Field(Listen(), description="The gateway's own addresses.")
    log: Log = Field(Log(), description="How much is logged.")
    admin_keys: InstanceOf[Scheme] | None = Field(
        None, description="API keys of the admin address, as in the scheme api_key."
    )
    state: Stored = Field(
        "memory", validate_default=True, description='Where state is kept: "memory" or "sqlite:PATH".'
    )
    pseudonyms: Pseudonyms | None = Field(None, description="The key of what stands for a person.")
    roles: dict[Name, RoleDeclaration] = Field({}, description="Roles by name.")
    upstreams: dict[Name, dict[str, Any]] = Field({}, description="Upstreams by name, each with its `type`.")
    gate: tuple[Any, ...] = Field((), description="Steps before anybody is known, the same for every tenant.")
    chain: tuple[Any, ...] = Field((), description="Steps per tenant, in the order of a request's life.")
    routes: tuple[Any, ...] = Field((), description="Routes beside those that upstreams bring along.")
    tenant_secrets: tuple[str, ...] = Field(
        ("env:KG_{tenant}_*", "file:/run/secrets/{tenant}/*"), description="References that a tenant may use."
    )
