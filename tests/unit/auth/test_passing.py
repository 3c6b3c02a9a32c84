"""Tests of how a token is found in a call."""

import pytest

from apientreprise_gateway.auth.token import given_reader, text_of, token_reader
from apientreprise_gateway.contract.passing import TokenPassing

ALL = TokenPassing(bearer=True, header="X-Api-Key", parameter="token")
BEARER = {b"authorization": b"Bearer one"}
KEY = {b"x-api-key": b"two"}
PARAMETER = {"token": "three"}


def test_the_first_way_counts() -> None:
    """A call that passes a token in several ways is read as the order of the ways says."""
    read = token_reader(ALL)
    assert read(BEARER | KEY, PARAMETER) == "one"
    assert read(KEY, PARAMETER) == "two"
    assert read({}, PARAMETER) == "three"
    assert read({}, {}) is None


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer ", b"Bearer  ", b"Basic one", b"one"])
def test_what_is_no_bearer(header: bytes) -> None:
    """An `Authorization` header that holds no token leaves the other ways."""
    assert token_reader(ALL)({b"authorization": header}, PARAMETER) == "three"


@pytest.mark.parametrize("header", [b"Bearer one", b"bearer one", b"BEARER   one  "])
def test_bearer_in_any_case(header: bytes) -> None:
    """The word may be in any case, and spaces about the token do not count."""
    assert token_reader(ALL)({b"authorization": header}, {}) == "one"


def test_ways_that_are_closed() -> None:
    """A token that is passed in another way than those of its version is none."""
    assert token_reader(TokenPassing(bearer=False, header="X-Api-Key"))(BEARER, PARAMETER) is None
    assert token_reader(TokenPassing(parameter="token"))(KEY, {}) is None
    assert token_reader(TokenPassing(bearer=True))(KEY, PARAMETER) is None


def test_any_bytes() -> None:
    """A header that is no UTF-8 is read all the same."""
    assert token_reader(ALL)({b"x-api-key": b"\xff"}, {}) == "ÿ"


def test_a_bearer_is_given_as_its_header() -> None:
    """A token in `Authorization` is handed on as that header, the same object; others as their texts."""
    header = b"bearer  one "
    given = given_reader(ALL)({b"authorization": header}, PARAMETER)
    assert given is header
    assert text_of(given) == "one"
    assert given_reader(ALL)({b"authorization": b"Basic one"} | KEY, {}) == "two"
    assert given_reader(ALL)({}, PARAMETER) == text_of("three") == "three"
