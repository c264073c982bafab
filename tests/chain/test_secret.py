from __future__ import annotations

import json
import logging
import traceback

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from kapagate.chain.secret import Composed, Resolved, Secret

VALUE = "-".join(["hush", "hush", "value"])
REFERENCE = "${env:KEY}"


class Account(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: Secret
    name: int = 0


def test_only_reveal_shows_the_value() -> None:
    secret = Secret(VALUE, REFERENCE)
    assert secret.reveal() == VALUE
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{[secret]}"):
        assert VALUE not in shown
        assert REFERENCE in shown


def test_a_model_never_shows_the_value() -> None:
    account = Account(api_key=Resolved(VALUE, REFERENCE))
    assert account.api_key.reveal() == VALUE
    assert json.loads(account.model_dump_json())["api_key"] == REFERENCE
    for shown in (repr(account), str(account), str(account.model_dump()), account.model_dump_json()):
        assert VALUE not in shown


def test_errors_about_other_fields_do_not_show_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Account.model_validate(
            {"api_key": Resolved(VALUE, REFERENCE), "name": "x", "unknown": Resolved(VALUE, REFERENCE)}
        )
    assert VALUE not in str(caught.value)
    assert VALUE not in repr(caught.value.errors())


def test_logs_and_tracebacks_do_not_show_the_value(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(VALUE, REFERENCE)
    logging.getLogger("x").warning("with %s and %r", secret, {"key": secret})
    try:
        raise LookupError(secret)
    except LookupError as cause:
        shown = "".join(traceback.format_exception(cause))
    assert VALUE not in caplog.text + shown


@pytest.mark.parametrize("clear", ["clear", "", 1, None, b"bytes", ["x"]])
def test_clear_text_is_refused(clear: object) -> None:
    with pytest.raises(ValidationError, match="exactly one reference"):
        Account.model_validate({"api_key": clear})


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_reference_to_nothing_is_refused_with_its_name(blank: str) -> None:
    with pytest.raises(ValidationError, match=r"the secret behind \$\{env:KEY\} is empty"):
        Account.model_validate({"api_key": Resolved(blank, REFERENCE)})


def test_the_line_end_of_a_file_is_no_part_of_the_secret() -> None:
    assert Account(api_key=Resolved(VALUE + "\n", REFERENCE)).api_key.reveal() == VALUE


def test_a_secret_stays_a_secret() -> None:
    secret = Secret(VALUE, REFERENCE)
    assert Account(api_key=secret).api_key is secret


def test_secrets_are_equal_by_their_values() -> None:
    assert Secret(VALUE, "a") == Secret(VALUE, "b")
    assert len({Secret(VALUE, "a"), Secret(VALUE, "b"), Secret("other")}) == 2
    assert Secret(VALUE) != VALUE


def test_the_schema_asks_for_a_reference() -> None:
    schema = Account.model_json_schema()["properties"]["api_key"]
    assert schema["type"] == "string"
    assert "reference" in schema["description"]


def test_resolved_text_is_text_that_knows_where_it_came_from() -> None:
    text = Resolved(VALUE, REFERENCE)
    assert text == VALUE
    assert text.reference == REFERENCE
    assert VALUE not in repr(text)


def test_a_composed_text_says_what_the_file_says() -> None:
    text = Composed("Bearer abc", "Bearer ${env:T}")
    assert (text, text.written, repr(text)) == ("Bearer abc", "Bearer ${env:T}", "Composed(Bearer ${env:T})")
