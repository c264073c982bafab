from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from kapagate.policytest import declaration
from kapagate.policytest.declaration import PolicyTest, Text

CASE = {"name": "n", "route": "crm", "expect": {"status": 200}}


def test_documents_are_strict() -> None:
    PolicyTest.model_validate({"name": "t", "cases": [CASE]})
    with pytest.raises(ValidationError):
        PolicyTest.model_validate({"name": "t", "cases": [{**CASE, "expects": {}}]})
    with pytest.raises(ValidationError):
        PolicyTest.model_validate({"name": "t", "cases": []})


def test_one_word_need_be_no_list() -> None:
    assert Text.model_validate({"contains": "a", "lacks": ["b", "c"]}) == Text(contains=("a",), lacks=("b", "c"))


def test_every_field_has_a_description() -> None:
    models = [each for each in vars(declaration).values() if isinstance(each, type) and issubclass(each, BaseModel)]
    bare = [
        f"{model.__name__}.{name}"
        for model in models
        for name, each in model.model_fields.items()
        if model.__module__ == declaration.__name__ and not each.description
    ]
    assert bare == []
