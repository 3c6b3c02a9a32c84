"""Kinds of values: what is right as it is sent needs neither cleaning nor judging."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.contract.person import texts
from apientreprise_gateway.contract.person.texts import Kind, clean, number, usual_number

KINDS = {name: kind for name, kind in vars(texts).items() if isinstance(kind, Kind)}
WRITTEN = (
    st.text("09aZMF2é -_'\t\u0301", max_size=12)
    | st.text("0123456789", max_size=300)
    | st.from_regex("[12]?[0-9A-F]{4,11}")
)


@pytest.mark.parametrize("name", KINDS)
@given(value=WRITTEN)
def test_plain_values_are_right(name: str, value: str) -> None:
    """A value that a kind calls plain is clean, right, and its own canonical form."""
    kind = KINDS[name]
    if kind.is_plain(value):
        assert clean(value) == value == kind(value)


@given(WRITTEN | st.integers(0, 2200).map(str))
def test_usual_numbers_are_numbers(value: str) -> None:
    """A number that is known by how it is mostly written is the one that is read of it."""
    found = usual_number(value)
    assert found is None or found == number(value, 0, 9999)
