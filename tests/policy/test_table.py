"""The table of declarations."""

from __future__ import annotations

import sys

import pytest

from kapagate.chain.filter import Filter
from kapagate.chain.scheme import Scheme
from kapagate.chain.upstream import UpstreamType
from kapagate.policy.table import FILTERS, SCHEMES, UPSTREAM_TYPES, Table


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_of_the_table_is_one_in_the_file_of_its_name(name: str) -> None:
    found = Table().filter(name)
    assert issubclass(found, Filter)
    assert found.__module__ == f"kapagate.filters.{name}"


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_of_the_table_is_one_in_the_file_of_its_name(name: str) -> None:
    assert issubclass(Table().scheme(name), Scheme)
    assert Table().scheme(name).__module__ == f"kapagate.schemes.{name}"


@pytest.mark.parametrize("name", UPSTREAM_TYPES)
def test_every_upstream_type_of_the_table_is_one_in_the_file_of_its_name(name: str) -> None:
    assert issubclass(Table().upstream(name), UpstreamType)
    assert Table().upstream(name).__module__ == f"kapagate.upstreams.{name}"


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        Table().filter("absent")
    with pytest.raises(ImportError):
        Table(filters={"x": "kapagate.filters.absent:X"}).filter("x")
    with pytest.raises(AttributeError):
        Table(filters={"x": "kapagate.filters.rbac:Absent"}).filter("x")


def test_a_module_is_imported_when_it_is_asked_for() -> None:
    sys.modules.pop("kapagate.filters.rbac", None)
    table = Table()
    assert "kapagate.filters.rbac" not in sys.modules
    table.filter("rbac")
    assert "kapagate.filters.rbac" in sys.modules
