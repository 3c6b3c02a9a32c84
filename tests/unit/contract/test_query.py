"""Tests of the reading of a query string."""

from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.contract.query import UNDECODABLE, encoded, read, read_all

WANTED = frozenset({"context", "object", "token", "a"})
names = st.sampled_from([*sorted(WANTED), "other", "b", "CONTEXT"])


@given(pairs=st.lists(st.tuples(names, st.text(max_size=20)), max_size=8))
@settings(max_examples=300, deadline=None)
def test_what_was_encoded_is_read(pairs: list[tuple[str, str]]) -> None:
    """Values come back as they were encoded; the last of several counts, others are left out."""
    expected = {name: value for name, value in pairs if name in WANTED}
    assert read(urlencode(pairs).encode(), WANTED) == expected
    assert read(urlencode(pairs, quote_via=quote).encode(), WANTED) == expected


@given(query=st.text("ao=&+%46158;ebjct", max_size=40))
@settings(max_examples=500, deadline=None)
def test_as_the_standard_library_reads_it(query: str) -> None:
    """Where the standard library finds UTF-8, we read what it reads."""
    expected = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name in WANTED}
    found = read(query.encode(), WANTED)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == (UNDECODABLE if UNDECODABLE in value else value)


@given(query=st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_bytes(query: bytes) -> None:
    """Whatever the bytes, only wanted names are found, and only texts that can be written again."""
    found = read(query, WANTED)
    assert found.keys() <= WANTED
    for value in found.values():
        value.encode()


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (b"a=1", "1"),
        (b"a=", ""),
        (b"a", ""),
        (b"a=1&a=2", "2"),
        (b"a=1&a", ""),
        (b"a=1&%61=2", "2"),
        (b"%61=1&a=2", "2"),
        (b"a=1=2", "1=2"),
        (b"a==", "="),
        (b"a=x+y", "x y"),
        (b"a=x%20y", "x y"),
        (b"a=x%2By", "x+y"),
        (b"a=%2525", "%25"),
        (b"a=%26b%3D", "&b="),
        (b"a=%C3%A9", "é"),
        (b"a=\xc3\xa9", "é"),
        (b"a=%c3%a9", "é"),
        (b"a=%F0%9F%A6%8A", "🦊"),
        (b"a=%", "%"),
        (b"a=%4", "%4"),
        (b"a=%zz", "%zz"),
        (b"a=%0A", "\n"),
        (b"a=%00", "\x00"),
        (b"a=1;b=2", "1;b=2"),
        (b"&&a=1&&", "1"),
        (b"=&a=1&=", "1"),
        (b"a=%FF", UNDECODABLE),
        (b"a=\xff", UNDECODABLE),
        (b"a=ok%E9", UNDECODABLE),
        (b"a=\xe9", UNDECODABLE),
        (b"a=%C3", UNDECODABLE),
        (b"a=%ED%A0%80", UNDECODABLE),
        (b"a=%C0%80", UNDECODABLE),
        (b"a=%FF&a=1", "1"),
        (b"a=1&a=%FF", UNDECODABLE),
    ],
)
def test_values(query: bytes, value: str) -> None:
    """One value, however it is written."""
    assert read(query, WANTED) == {"a": value}


@pytest.mark.parametrize(
    "query", [b"", b"&", b"=", b"b=1", b"A=1", b"a%20=1", b"+a=1", b"%FFa=1", b"%=1", b"a%5B%5D=1"]
)
def test_other_names(query: bytes) -> None:
    """Names are compared as they are."""
    assert read(query, WANTED) == {}


def test_nothing_wanted() -> None:
    """Who wants nothing gets nothing."""
    assert read(b"a=1&b=2", frozenset()) == {}


ARRAYS = frozenset({"prenoms[]", "a"})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"prenoms[]=L%C3%A9a&a=1&prenoms[]=Zo%C3%A9", {"prenoms[]": ["Léa", "Zoé"], "a": ["1"]}),
        (b"prenoms%5B%5D=A&prenoms%5b%5d=B&prenoms[]=C", {"prenoms[]": ["A", "B", "C"]}),
        (b"prenoms[]=A+B&prenoms[]=A%20B", {"prenoms[]": ["A B", "A B"]}),
        (b"prenoms[]=&prenoms[]", {"prenoms[]": ["", ""]}),
        (b"prenoms[]=%FF&prenoms[]=A", {"prenoms[]": [UNDECODABLE, "A"]}),
        (b"prenoms=A&prenoms[0]=B&prenoms[][]=C&b[]=D", {}),
        (b"", {}),
    ],
)
def test_arrays(query: bytes, found: dict[str, list[str]]) -> None:
    """All values of a parameter are read in their order, under the one name that it has."""
    assert read_all(query, ARRAYS) == found


@given(query=st.binary(max_size=60) | st.text("a=&%5B+1", max_size=40).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_the_last_of_all_values_is_the_one(query: bytes) -> None:
    """Both ways to read a query find the same parameters, and the last of all values is the one that counts."""
    every = read_all(query, WANTED)
    assert {name: values[-1] for name, values in every.items()} == read(query, WANTED)


@given(
    st.lists(st.tuples(st.sampled_from(["nom", "prenoms[]", "ine"]), st.text(st.characters(codec="utf-8"))), max_size=6)
)
def test_what_is_written_is_what_the_library_writes(parameters: list[tuple[str, str]]) -> None:
    """Parameters are encoded as the standard library encodes them, and are read again as they were."""
    assert encoded(parameters) == urlencode(parameters)
    names = frozenset(name for name, _ in parameters)
    again = read_all(encoded(parameters).encode(), names) if parameters else {}
    assert again == {name: [value for each, value in parameters if each == name] for name in names}
