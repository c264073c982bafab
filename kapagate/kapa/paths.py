"""Kapa's addresses, rebuilt from template and checked parameters: no byte of the client's path leaves."""

from __future__ import annotations

from collections.abc import Mapping

from kapagate.chain import problems
from kapagate.chain.problem import Problem
from kapagate.kapa.fields import is_uuid
from kapagate.kapa.operation import Operation
from kapagate.kapa.operations import KAPAS

DEFAULT = "default"


class Targets:
    """One project's request targets at Kapa, filled in beforehand. `prefix`: the base URL's path, no '/' at its end."""

    __slots__ = ("_filled", "_project")

    def __init__(self, project: str, prefix: str = "") -> None:
        self._project = project.lower()
        self._filled = {
            each.name: (prefix + each.template.replace("{project_id}", project)).encode("ascii") for each in KAPAS
        }

    def of(self, operation: Operation, params: Mapping[str, str]) -> bytes:
        """The target of one of Kapa's operations. Raises Problem `not-found`, the same for foreign and unknown."""
        target = self._filled[operation.name]
        project = params.get("project_id")
        if project is not None and project != DEFAULT and project.lower() != self._project:
            raise not_found()
        if not operation.item:
            return target
        item = params[operation.item]
        if not is_uuid(item):
            raise not_found()
        return target.replace(b"{%b}" % operation.item.encode("ascii"), item.lower().encode("ascii"))


def not_found() -> Problem:
    """What is no project or thread of the caller's, whoever's else it is."""
    return Problem(problems.NOT_FOUND, "there is no such project or thread")
