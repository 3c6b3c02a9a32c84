"""Masks: what comes out of an answer for which scopes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.contract.masks import MOST_REMEMBERED, MaskRules, Masks, Needs, NotMaskableError
from apientreprise_gateway.contract.notation import body_schema

SCHEMA = body_schema(
    {
        "data": {
            "identite": {"nom": "string", "prenoms": ["string"], None: None},
            "code": "string",
            "bourse": "string?",
            "admissions": [{"debut": "date", "inscrit": "boolean", "lieu": {"commune": "string", "uai": "string?"}}],
            "inscriptions": [{"statut": "string", "regime": "string"}],
        },
        "meta": {"exact": "boolean"},
    }
)


def needs(*scopes: str) -> Needs:
    """One of these scopes."""
    return Needs(any_of=frozenset(scopes))


RULES = MaskRules(
    fields={
        "data.identite": needs("identity"),
        "data.bourse": Needs(all_of=frozenset({"grant", "step"})),
        "data.admissions": needs("admission", "admitted"),
        "data.admissions[].inscrit": needs("enrolled"),
        "data.admissions[].lieu": needs("place"),
        "data.admissions[].lieu.uai": needs("school"),
    },
    populations={
        "data.inscriptions": {
            "initial": {"statut": "inscrit", "regime": "initiale"},
            "admis": {"statut": "admis"},
        }
    },
)
ALL = RULES.scopes
MASKS = Masks(RULES, SCHEMA)
BODY = {
    "data": {
        "identite": {"nom": "DURAND", "prenoms": ["Léa", "Zoé"]},
        "code": "X",
        "bourse": None,
        "admissions": [{"debut": "2026-01-01", "inscrit": True, "lieu": {"commune": "75056", "uai": "0750001A"}}],
        "inscriptions": [{"statut": "inscrit", "regime": "initiale"}, {"statut": "admis", "regime": "continue"}],
    },
    "links": {},
    "meta": {"exact": True},
}


def seen(scopes: set[str], body: Any = BODY) -> Any:
    """What of a body is seen with these scopes."""
    return orjson.loads(MASKS.apply(orjson.dumps(body), frozenset(scopes)))


def test_bytes_pass_where_all_may_be_seen() -> None:
    """Who holds everything gets the provider's bytes, whatever they are."""
    body = b'{ "data":\n{"unknown": 1}, "data": '
    assert MASKS.apply(body, ALL | {"another"}) is body


def test_without_scopes_what_needs_none_is_seen() -> None:
    """A field without a rule is seen by whoever may call; one whose scopes are missing is absent, not null."""
    assert seen(set()) == {"data": {"code": "X", "inscriptions": [{}, {}]}, "links": {}, "meta": {"exact": True}}


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ({"grant"}, "absent"),
        ({"step"}, "absent"),
        ({"grant", "step"}, None),
    ],
)
def test_some_fields_need_several_scopes(scopes: set[str], expected: str | None) -> None:
    """A field that needs all of several scopes is absent for who holds some of them."""
    assert seen(scopes)["data"].get("bourse", "absent") == expected


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ({"admission"}, [{"debut": "2026-01-01"}]),
        ({"admitted", "enrolled"}, [{"debut": "2026-01-01", "inscrit": True}]),
        ({"admission", "place"}, [{"debut": "2026-01-01", "lieu": {"commune": "75056"}}]),
        ({"admission", "school"}, [{"debut": "2026-01-01"}]),
        ({"enrolled", "place", "school"}, None),
    ],
)
def test_rules_reach_into_lists(scopes: set[str], expected: Any) -> None:
    """Fields of entries have rules of their own, and are only seen where the list is."""
    assert seen(scopes)["data"].get("admissions") == expected


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ({"initial"}, [{"statut": "inscrit", "regime": "initiale"}, {}]),
        ({"admis"}, [{}, {"statut": "admis", "regime": "continue"}]),
        ({"initial", "admis"}, [*BODY["data"]["inscriptions"]]),  # type: ignore[index]
    ],
)
def test_entries_of_other_populations_are_empty(scopes: set[str], expected: Any) -> None:
    """An entry that no scope opens is an empty object in its place."""
    assert seen(scopes)["data"]["inscriptions"] == expected


@pytest.mark.parametrize(
    "given_data",
    [
        {"code": {"nom": "DURAND"}},
        {"code": [{"nom": "DURAND"}]},
        {"admissions": {"inscrit": True}},
        {"admissions": "DURAND"},
        {"admissions": ["DURAND", [{"inscrit": True}]]},
        {"inscriptions": ["DURAND", 1]},
        {"autre": "DURAND"},
    ],
)
def test_what_has_another_shape_is_left_out(given_data: Any) -> None:
    """A value of another shape than the schema says does not come out, as nobody knows what it holds."""
    answer = seen({"admission"}, {"data": given_data, "links": {"nom": "DURAND"}, "meta": {"nom": "DURAND"}})
    assert "DURAND" not in str(answer)
    assert "True" not in str(answer)


def test_lists_of_values_are_seen_whole() -> None:
    """A list of texts is a field like any other; something else among them is left out."""
    body = {"data": {"identite": {"nom": "DURAND", "prenoms": ["Léa", {"x": 1}, None], "autre": 1}}}
    assert seen({"identity"}, body) == {"data": {"identite": {"nom": "DURAND", "prenoms": ["Léa", None]}}}


def test_what_is_seen_keeps_its_order() -> None:
    """Fields come out in the order in which the provider sent them, whatever stands between them."""
    entry = b'{"lieu":{"uai":"u","x":1,"commune":"c"},"autre":{},"debut":"d"}'
    body = b'{"meta":{},"data":{"code":"X","admissions":[%b],"bourse":1,"identite":{"prenoms":[]}},"links":{}}' % entry
    seen_of_it = MASKS.apply(body, frozenset({"admission", "place", "school", "identity"}))
    kept = b'{"lieu":{"uai":"u","commune":"c"},"debut":"d"}'
    assert (
        seen_of_it == b'{"meta":{},"data":{"code":"X","admissions":[%b],"identite":{"prenoms":[]}},"links":{}}' % kept
    )


@pytest.mark.parametrize("body", [b"", b"{", b"null", b'"DURAND"', b"1", b"[1]", b"\xff", b'{"data": NaN}'])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    """What is no JSON object is no answer of which a part could be shown."""
    with pytest.raises(NotMaskableError):
        MASKS.apply(body, frozenset())


@pytest.mark.parametrize(
    "rules", [{"data.inconnu": needs("x")}, {"code": needs("x")}, {"data.admissions.debut": needs()}]
)
def test_a_rule_about_no_field_is_refused(rules: dict[str, Needs]) -> None:
    """A misspelt path is found at the start: it would hide nothing."""
    with pytest.raises(ValueError, match="no such field"):
        Masks(MaskRules(fields=rules), SCHEMA)


def test_what_is_remembered_is_bounded() -> None:
    """However many sets of scopes there are, so many filters are kept, and scopes without a rule make no new one."""
    many = {f"data.{name}": needs(name) for name in ("code", "identite", "bourse")}
    masks = Masks(MaskRules(fields=many), SCHEMA)
    for number in range(3 * MOST_REMEMBERED):
        masks.apply(b"{}", frozenset({f"other-{number}", "code"}))
    assert masks.remembered == 1
    wide = body_schema({"data": {f"f{number}": "string" for number in range(10)}})
    masks = Masks(MaskRules(fields={f"data.f{number}": needs(f"s{number}") for number in range(10)}), wide)
    for number in range(1024):
        masks.apply(b"{}", frozenset(f"s{bit}" for bit in range(10) if number >> bit & 1))
    assert masks.remembered == MOST_REMEMBERED


# Laws, whatever a provider sends.

NAMES = ["data", "identite", "nom", "code", "bourse", "admissions", "inscrit", "lieu", "commune", "uai", "inscriptions"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["inscrit", "initiale", "DURAND"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "autre"]), inner, max_size=5),
    max_leaves=25,
)
BODIES = st.fixed_dictionaries({"data": JSON}, optional={"links": JSON, "meta": JSON, "autre": JSON})
SCOPES = st.sets(st.sampled_from(sorted(ALL)))


def fields_of(value: Any, path: str = "") -> set[str]:
    """The paths of all fields in a value."""
    if isinstance(value, dict):
        start = f"{path}." if path else ""
        below = [fields_of(inner, start + name) for name, inner in value.items()]
        return {start + name for name in value}.union(*below)
    if isinstance(value, list):
        return set[str]().union(*(fields_of(inner, path + "[]") for inner in value))
    return set()


def size(value: Any) -> int:
    """How many fields a value has, at all depths."""
    if isinstance(value, dict):
        return len(value) + sum(map(size, value.values()))
    return sum(map(size, value)) if isinstance(value, list) else 0


@given(BODIES, SCOPES)
def test_no_field_comes_out_whose_scope_is_missing(body: Any, scopes: set[str]) -> None:
    """Neither a field whose scopes are missing nor one that is unknown is seen, wherever it stands."""
    if scopes | {"admission", "admitted"} == ALL and not scopes.isdisjoint({"admission", "admitted"}):
        return  # either of these two opens what both open: all may be seen
    known = {"data", "links", "meta", "meta.exact", "data.code", "data.identite", "data.identite.nom"}
    known |= {"data.identite.prenoms", "data.bourse", "data.admissions", "data.inscriptions"}
    known |= {f"data.admissions[].{name}" for name in ("debut", "inscrit", "lieu", "lieu.commune", "lieu.uai")}
    known |= {"data.inscriptions[].statut", "data.inscriptions[].regime"}
    found = fields_of(seen(scopes, body))
    assert found <= known
    for path, wanted in RULES.fields.items():
        if not wanted.are_met_by(frozenset(scopes)):
            assert not any(each == path or each.startswith((f"{path}.", f"{path}[]")) for each in found)


@given(BODIES, SCOPES)
def test_a_content_that_was_parsed_is_not_changed(body: Any, scopes: set[str]) -> None:
    """What is given parsed is masked alike, and stays as it is: another call may be given the same."""
    written = orjson.dumps(body)
    content = orjson.loads(written)
    assert MASKS.apply(written, frozenset(scopes), content) == MASKS.apply(written, frozenset(scopes))
    assert content == orjson.loads(written)


@given(BODIES, SCOPES, SCOPES)
def test_more_scopes_never_give_fewer_fields(body: Any, scopes: set[str], more: set[str]) -> None:
    """Whoever gets a scope more sees at least what was seen before."""
    before, after = seen(scopes, body), seen(scopes | more, body)
    assert fields_of(before) <= fields_of(after)
    assert size(before) <= size(after)


@given(BODIES, SCOPES)
def test_what_is_seen_is_as_it_was_sent(body: Any, scopes: set[str]) -> None:
    """What is masked twice is what is masked once: nothing is changed but what is left out."""
    once = seen(scopes, body)
    assert seen(scopes, once) == once
