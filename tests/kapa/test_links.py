from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kapagate.kapa.links import path_of, relinked
from kapagate.kapa.operations import OPERATIONS

ADDRESS = "https://ask.example/t/acme/query/v1/projects/default/end-users/"
SHAPES = OPERATIONS["end_users"].fields


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("https://api.kapa.ai/query/v1/projects/p/end-users/?page=2", f"{ADDRESS}?page=2"),
        ("https://api.kapa.ai/x/?page=2&page_size=5&has_email=true", f"{ADDRESS}?page=2&page_size=5&has_email=true"),
        ("https://api.kapa.ai/x/?page=2&team=secret", f"{ADDRESS}?page=2"),
        ("https://api.kapa.ai/x/?page=two", ADDRESS),
        ("https://api.kapa.ai/x/", ADDRESS),
        ("/x/?page=3", f"{ADDRESS}?page=3"),
        ("https://api.kapa.ai/x/?page=2&page=3", None),
        ("https://[api.kapa.ai/x/?page=2", None),
        (None, None),
        (7, None),
    ],
)
def test_a_link_leads_to_the_address_that_was_asked(link: Any, told: str | None) -> None:
    assert relinked(link, ADDRESS, SHAPES) == told


@given(st.text() | st.none() | st.integers() | st.lists(st.text()))
def test_nothing_of_kapas_host_is_told_whatever_the_link_is(link: Any) -> None:
    told = relinked(link, ADDRESS, SHAPES)
    assert told is None or told.partition("?")[0] == ADDRESS


@pytest.mark.parametrize(
    ("link", "path"),
    [
        (b"https://api.kapa.ai/eu/query/v1/threads/t/", "/query/v1/threads/t/"),
        (b"/eu/query/v1/threads/t/?x=1", "/query/v1/threads/t/"),
        (b"https://api.kapa.ai/query/v1/threads/t/", "/"),
        (b"https://api.kapa.ai/eu/../admin/", "/"),
        (b"https://[x/eu/y", "/"),
        (b"/eu/\xff", "/"),
        (b"", "/"),
    ],
)
def test_a_path_is_told_without_that_of_the_base_url(link: bytes, path: str) -> None:
    assert path_of(link, "/eu") == path
