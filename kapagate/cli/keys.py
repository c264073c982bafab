"""`kapagate keys`: API keys for callers."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

import click
from msgspec import Struct

from kapagate.chain.secret import Secret
from kapagate.cli.offline import refuse
from kapagate.filters.identify import Identify
from kapagate.identity.api_keys import Key, create, digest
from kapagate.policy.suggestion import closest
from kapagate.remote.references import References
from kapagate.run import offline
from kapagate.schemes.api_key import ApiKey


class Known(Struct, frozen=True):
    """What a policy says that a key needs: the pepper of its `api_key` scheme, and the names that a key may have."""

    pepper: Secret
    tenants: Collection[str]
    roles: Collection[str]

    def check(self, tenant: str, roles: Sequence[str]) -> None:
        """Raises BadParameter for a tenant or role that the policy does not have: such a key would be refused."""
        for option, kind, names, known in (
            ("--tenant", "tenant", [tenant], self.tenants),
            ("--role", "role", roles, self.roles),
        ):
            for name in names:
                if name not in known:
                    meant = closest(name, known)
                    hint = f"; did you mean {meant!r}?" if meant else ""
                    raise click.BadParameter(f"the policy has no {kind} {name!r}{hint}", param_hint=option)


ReadPolicy = Callable[[Path], Known]


def entry_for(
    key: Key, pepper: Secret, tenant: str, subject: str, roles: Sequence[str], expires: str | None = None
) -> str:
    """The YAML of a key's entry under `api_key: keys:`. Every text is quoted: an id such as 12e4 must stay a text."""
    fields = {
        "id": key.id,
        "digest": digest(pepper.reveal().encode("utf-8"), key),
        "tenant": tenant,
        "subject": subject,
        "roles": list(roles),
        "env": key.env,
        **({"expires": expires} if expires else {}),
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "- " + "\n  ".join(lines)


def keys_group(read: ReadPolicy) -> click.Group:
    """The group of commands; `read` gives what a policy says, or raises ClickException."""

    @click.group()
    def keys() -> None:
        """Make API keys."""

    @keys.command("create")
    @click.argument("path", type=click.Path(exists=True, path_type=Path))
    @click.option("--tenant", required=True, callback=_plain, help="The tenant that the caller belongs to.")
    @click.option("--subject", required=True, callback=_plain, help="The caller's stable name within the tenant.")
    @click.option(
        "--role", "roles", required=True, multiple=True, callback=_all_plain, help="May be given several times."
    )
    @click.option("--env", default="live", show_default=True, help="Two to eight lower-case letters.")
    @click.option("--expires", callback=_moment, help="For example 2027-01-31T00:00:00Z.")
    def create_key(
        path: Path, tenant: str, subject: str, roles: tuple[str, ...], env: str, expires: str | None
    ) -> None:
        """Print a new key, once, and the entry to put under `api_key: keys:` of the policy in PATH."""
        try:
            key = create(env, secrets.token_bytes)
        except ValueError as cause:
            raise click.BadParameter(str(cause), param_hint="--env") from cause
        known = read(path)
        known.check(tenant, roles)
        entry = entry_for(key, known.pepper, tenant, subject, roles, expires)
        click.echo(f"{key.text}\n\n# Not shown again. Its entry for `api_key: keys:`\n{entry}")

    return keys


def known_to(path: Path) -> Known:
    """What the policy in `path` says; its pepper is that of the first `api_key` scheme in the gate."""
    loaded = offline([path], References(os.environ))
    if loaded.generation is None or loaded.gateway is None:
        refuse(loaded)
    declarations = [placed.declaration for placed in loaded.generation.steps.gate]
    schemes = [scheme for each in declarations if isinstance(each, Identify) for scheme in each.schemes]
    for scheme in schemes:
        if isinstance(scheme, ApiKey):
            return Known(scheme.pepper, loaded.generation.tenants, loaded.gateway.roles)
    raise click.ClickException("the policy's gate has no api_key scheme, so there is no pepper")


def _plain(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not value or not value.isprintable() or len(value) > 256:
        raise click.BadParameter("one line of at most 256 printable characters")
    return value


def _all_plain(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_plain(context, parameter, value) for value in values)


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("expected a moment such as 2027-01-31T00:00:00Z") from None
    if moment.tzinfo is None:
        raise click.BadParameter("say the offset from UTC, such as 2027-01-31T00:00:00Z")
    return moment.isoformat()


keys = keys_group(known_to)
