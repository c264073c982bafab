"""Every case of `cases/requests`, cut in every way, through the real data plane."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.case import Case, corpus

CASES = corpus("requests")


def marked(case: Case) -> Any:
    marks = [pytest.mark.xfail(reason=case.missing, strict=True)] if case.missing else []
    return pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
async def test_one_verdict_whatever_the_cuts(case: Case, stage: Any) -> None:
    assert await stage.faults(case) == []
