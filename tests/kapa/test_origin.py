from __future__ import annotations

from typing import Any

import pytest

from kapagate.kapa.origin import from_referer, without

PAGE = "https://app.example/page?token=1"


@pytest.mark.parametrize("document", [{"query": "?"}, {"query": "?", "metadata": None}, {"query": "?", "metadata": {}}])
def test_the_fields_page_stands_in_for_one_that_the_client_does_not_name(document: Any) -> None:
    assert from_referer(document, PAGE) == {"query": "?", "metadata": {"origin_url": PAGE}}
    assert from_referer(document, None) is from_referer(document, "") is document


@pytest.mark.parametrize("document", [{"metadata": {"origin_url": "https://a.example"}}, {"metadata": 5}, [5], 5, None])
def test_what_the_client_says_stands_and_odd_documents_are_left_to_be_refused(document: Any) -> None:
    assert from_referer(document, PAGE) is document


def test_or_no_page_is_told() -> None:
    assert without({"query": "?", "metadata": {"origin_url": "https://a.example"}}, PAGE) == {"query": "?"}
    assert without([5], None) == [5]
