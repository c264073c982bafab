"""The samples are of fields that there are; what they say is tried with all other examples."""

from __future__ import annotations

from kapagate.policy.samples import SAMPLES
from tests.policy.test_examples import MODELS


def test_every_sample_is_of_a_field_that_needs_one() -> None:
    known = {model.__name__: model for model in MODELS}
    assert set(SAMPLES) <= set(known)
    for name, fields in SAMPLES.items():
        assert set(fields) <= set(known[name].model_fields), name
        assert not [field for field in fields if known[name].model_fields[field].examples], name
