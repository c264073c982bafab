"""Lets through whom a role allows it."""

from __future__ import annotations

from typing import ClassVar

from kapagate.access.roles import Roles
from kapagate.chain import problems
from kapagate.chain.exchange import Exchange
from kapagate.chain.filter import Filter
from kapagate.chain.order import Label
from kapagate.chain.principal import PRINCIPAL
from kapagate.chain.problem import Problem
from kapagate.chain.services import Services
from kapagate.chain.step import Step
from kapagate.chain.verdict import Decision


class Rbac(Filter):
    """Refuses what none of the caller's roles allows, and what one of them denies, as the policy's `roles:` say."""

    presence: ClassVar[Label] = "tighter"

    @property
    def decisions(self) -> frozenset[Decision]:
        return frozenset({"passed", "refused"})

    def compile(self, services: Services) -> Step:
        roles = services[Roles]

        async def authorise(exchange: Exchange) -> None:
            permission = exchange.route.permission
            if not roles.allows(exchange[PRINCIPAL].roles, permission):
                raise Problem(problems.FORBIDDEN, f"this needs the permission {permission}")

        return Step(reads=frozenset({PRINCIPAL}), on_request=authorise)
