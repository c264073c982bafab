from __future__ import annotations

import pytest

from kapagate.chain.edit import UNREAD, UNTOUCHED, RequestEdit


def test_an_edit_is_copied_on_write() -> None:
    edit = UNTOUCHED.with_document({"a": 1}).with_context({"tenant": "acme"}).with_headers({b"a": b"b"})
    edit = edit.with_pseudonym("p").with_email("a@b.example")
    assert edit == RequestEdit({"a": 1}, {"tenant": "acme"}, {b"a": b"b"}, "p", "a@b.example")
    again = edit.with_document({"a": 1}).with_context({}).with_headers({}).with_pseudonym("p")
    assert again == edit
    assert RequestEdit() == UNTOUCHED
    assert (UNTOUCHED.context, UNTOUCHED.headers) == ({}, {})


def test_context_and_headers_are_added_and_the_later_wins() -> None:
    edit = UNTOUCHED.with_context({"a": "1", "b": "1"}).with_context({"b": "2"})
    assert edit.context == {"a": "1", "b": "2"}
    edit = UNTOUCHED.with_headers({b"a": b"1", b"b": b"1"}).with_headers({b"b": b"2"})
    assert edit.headers == {b"a": b"1", b"b": b"2"}


def test_an_edit_cannot_be_changed_in_place() -> None:
    with pytest.raises(AttributeError):
        UNTOUCHED.pseudonym = "x"


def test_an_unread_document_is_told_from_every_document() -> None:
    assert UNTOUCHED.document is UNREAD
    assert UNTOUCHED.with_document(None).document is None
    assert repr(UNREAD) == "UNREAD"
