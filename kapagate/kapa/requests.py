"""Kapa's requests: what the client may say, and what the gateway says for it.

Forced: `source_group_ids_include` and `integration_id` from the tenant's account. Rebuilt: `user`, `user_identifier`
and `external_owner_id`; what the client says of persons never leaves, only a pseudonym and what the policy adds do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kapagate.chain import problems
from kapagate.chain.principal import Account
from kapagate.chain.problem import Problem
from kapagate.kapa.fields import taken
from kapagate.kapa.operation import Operation

GROUPS = "source_group_ids_include"
SOURCES = "source_ids_include"


def body_of(
    operation: Operation,
    document: Any,
    account: Account,
    person: str | None,
    context: Mapping[str, str],
    email: str | None = None,
) -> dict[str, Any]:
    """The body of one of Kapa's operations. `person`: the caller's pseudonym; `context` becomes the user's metadata;
    `email` is the person's where the policy tells it.

    Raises Problem `malformed-body`; `forbidden` where the client asks for source groups that are not the tenant's.
    """
    body = taken(document, operation.fields, operation.required)
    if operation.scoped and account.source_groups is not None:
        body[GROUPS] = groups_of(body.get(GROUPS), account.source_groups)
        body.pop(SOURCES, None)  # nobody has said whether Kapa takes sources within the groups, or beside them
    if operation.attributed:
        _attribute(body, account, person, context, email)
    if operation.subject:
        body[operation.subject] = person
    return body


def parameters_for(operation: Operation, document: Any, account: Account) -> dict[str, str]:
    """The query of one of Kapa's operations. Raises Problem `malformed-request`; `forbidden` where the client asks for
    an integration that is not the tenant's.
    """
    said: dict[str, str] = taken(document, operation.fields, operation.required, problems.MALFORMED_REQUEST)
    own = account.integration_id
    if operation.filtered and own is not None:
        asked = said.get(operation.filtered)
        if asked is not None and own.lower() not in asked.lower().split(","):
            raise Problem(problems.FORBIDDEN, f"{operation.filtered} names no integration of this tenant")
        said[operation.filtered] = own
    return said


def groups_of(asked: Sequence[str] | None, own: Sequence[str]) -> list[str]:
    """The tenant's groups, or those of them that the client asks for. Raises Problem `forbidden` when that is none."""
    if not asked:
        return list(own)
    wanted = {each.lower() for each in asked}
    found = [each for each in own if each.lower() in wanted]
    if not found:
        raise Problem(problems.FORBIDDEN, f"{GROUPS} names no source group of this tenant")
    return found


def _attribute(
    body: dict[str, Any], account: Account, person: str | None, context: Mapping[str, str], email: str | None
) -> None:
    if account.integration_id is not None:
        body["integration_id"] = account.integration_id
    user: dict[str, Any] = {}
    if person is not None:
        user["unique_client_id"] = person
    if email is not None:
        user["email"] = email
    if context:
        user["metadata"] = context
    if user:
        body["user"] = user
