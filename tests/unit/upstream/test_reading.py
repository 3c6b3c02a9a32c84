"""Tests of the reading of a provider's answer."""

import itertools
from typing import Any

import orjson
import pytest

from apientreprise_gateway.contract.codes import PROVIDER_ERRORS
from apientreprise_gateway.contract.errors import OUTAGE_RETRY_IN, Refusal
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.upstream.reading import ProviderAnswer, read, trouble
from apientreprise_gateway.upstream.response import Response

ROUTES = [Route(endpoint, provider) for provider in PROVIDERS for endpoint in provider.endpoints]
each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.endpoint.operation)


def route(operation: str) -> Route:
    """The route of an operation."""
    (found,) = [each for each in ROUTES if each.endpoint.operation == operation]
    return found


V3 = route("api_entreprise_v3_infogreffe_extraits_rcs")
V2 = route("api_entreprise_v2_attestations_agefiph")
LIST = route("api_entreprise_v2_certificats_agence_bio")
INSEE = route("api_entreprise_v4_insee_unites_legales")
both = pytest.mark.parametrize("route", [V3, V2], ids=["v3", "v2"])

PROMISED = b'{"data": {"siren": "130025265"}, "links": {}, "meta": {} }'
NOT_FOUND = {
    "code": "02003",
    "title": "Entité non trouvée",
    "detail": "Rien à ce numéro.",
    "source": None,
    "meta": {"provider": "Infogreffe"},
}

MEANINGS = {
    401: (502, "006"),
    403: (502, "006"),
    404: (404, "003"),
    429: (502, "008"),
    451: (451, "005"),
    500: (502, "000"),
    502: (502, "000"),
    503: (502, "001"),
    504: (502, "001"),
}
"""Status and last three digits of the code that a provider's bare status becomes; any other is 502, 999."""
STATUSES = [
    100,
    201,
    202,
    204,
    301,
    302,
    304,
    307,
    400,
    405,
    406,
    408,
    409,
    410,
    415,
    418,
    422,
    501,
    505,
    599,
    *MEANINGS,
]
FOREIGN = {
    "nothing": ("", b""),
    "html": ("text/html; charset=utf-8", b"<html><h1>It works!</h1></html>"),
    "empty json": ("application/json", b""),
    "other json": ("application/json", b'{"fault": "something"}'),
    "array": ("application/json", b"[]"),
    "text": ("application/json", b'"no"'),
    "null": ("application/json", b"null"),
    "broken": ("application/json", b'{"errors": [{"code'),
    "not utf-8": ("application/json", b'{"errors": "\xff"}'),
    "errors of text": ("application/json", b'{"errors": ["no"]}'),
    "no errors": ("application/json", b'{"errors": []}'),
    "errors that are none": ("application/json", b'{"errors": {"code": "02003"}}'),
    "own form as text": ("text/plain", orjson.dumps({"errors": [NOT_FOUND]})),
    "own form but one": ("application/json", orjson.dumps({"errors": [NOT_FOUND, "no"]})),
    "without code": ("application/json", orjson.dumps({"errors": [{"title": "a", "detail": "b"}]})),
    "without detail": ("application/json", orjson.dumps({"errors": [NOT_FOUND | {"detail": None}]})),
    "number as code": ("application/json", orjson.dumps({"errors": [NOT_FOUND | {"code": 2003}]})),
    "text as meta": ("application/json", orjson.dumps({"errors": [NOT_FOUND | {"meta": "x"}]})),
}
OWN_FORM = (404, 409, 422, 451, 502, 503, 504)


def answer(status: int, body: bytes = b"", content_type: str = "application/json") -> Response:
    """What a provider answered."""
    return Response(status, content_type, body)


def own_form(*errors: dict[str, Any]) -> bytes:
    """A body in our form, spaced as we would not."""
    return orjson.dumps({"errors": errors or [NOT_FOUND]}, option=orjson.OPT_INDENT_2)


def refused(route: Route, given: Response) -> tuple[int, str]:
    """Status and code of the refusal; it is the provider's, by prefix and name."""
    with pytest.raises(Refusal) as caught:
        read(route, given)
    (error,) = caught.value.errors
    assert error.code[:2] == route.provider.prefix
    assert error.meta == {"provider": route.provider.name} | ({"retry_in": 10} if error.code[2:] == "001" else {})
    assert route.provider.name in error.detail
    return caught.value.status, error.code[2:]


# What is promised.


@each_route
def test_content_is_given_where_it_is_wanted(route: Route) -> None:
    """An answer comes with its content for who wants it, and only then."""
    body = b"[" + PROMISED + b"]" if route.endpoint.array else PROMISED
    assert read(route, answer(200, body), with_content=True).content == orjson.loads(body)
    assert read(route, answer(200, body)).content is None


@each_route
def test_promised_answer_is_passed_on(route: Route) -> None:
    """An answer that is what the endpoint promises is passed on byte for byte."""
    body = b"[" + PROMISED + b"]" if route.endpoint.array else PROMISED
    for content_type in ("application/json", "application/vnd.api+json", "application/json; charset=utf-8"):
        assert read(route, answer(200, body, content_type)) == ProviderAnswer(200, body, ())


def test_flat_answer() -> None:
    """In v2 any JSON object is an answer."""
    for body in (b"{}", b'{"a": 1}'):
        assert read(V2, answer(200, body)) == ProviderAnswer(200, body)


def test_list_as_answer() -> None:
    """An endpoint of v2 that answers with a list answers with nothing else, and no other endpoint with a list."""
    for body in (b"[]", b'[{"a": 1}]'):
        assert read(LIST, answer(200, body)) == ProviderAnswer(200, body)
        assert refused(V2, answer(200, body)) == (502, "999")
    for body in (b"{}", PROMISED, b"null", b'"[]"', b"[", b""):
        assert refused(LIST, answer(200, body)) == (502, "999")


@each_route
def test_partial_answer(route: Route) -> None:
    """In v2 an answer that lacks some of the data is passed on with its status; later there is no such status."""
    body = b"[]" if route.endpoint.array else PROMISED
    if route.endpoint.flat:
        assert read(route, answer(206, body)) == ProviderAnswer(206, body)
    else:
        assert refused(route, answer(206, body)) == (502, "999")


@pytest.mark.parametrize(("content_type", "body"), [("text/html", b"<html>"), ("application/json", b"[]"), ("", b"")])
def test_partial_answer_that_is_none(content_type: str, body: bytes) -> None:
    """A part of something else is not what is promised."""
    assert refused(V2, answer(206, body, content_type)) == (502, "999")


@pytest.mark.parametrize("content_type", ["Application/JSON", "APPLICATION/VND.API+JSON"])
@both
def test_content_type_in_capitals(route: Route, content_type: str) -> None:
    """The name of a content type may be written in capitals (RFC 9110, section 8.3.1)."""
    assert read(route, answer(200, PROMISED, content_type)).status == 200


@pytest.mark.parametrize("missing", ["data", "links", "meta"])
def test_incomplete_envelope(missing: str) -> None:
    """From v3 on an answer without `data`, `links` or `meta` is not the one promised."""
    envelope: dict[str, Any] = {"data": {}, "links": {}, "meta": {}}
    del envelope[missing]
    assert refused(V3, answer(200, orjson.dumps(envelope))) == (502, "999")


@both
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<html></html>"),
        ("text/html", PROMISED),
        ("", PROMISED),
        ("application/json", b""),
        ("application/json", PROMISED[:-1]),
        ("application/json", PROMISED + PROMISED),
        ("application/json", b"<html></html>"),
        ("application/json", b"[" + PROMISED + b"]"),
        ("application/json", b"null"),
        ("application/json", b"true"),
        ("application/json", b'"data"'),
        ("application/json", b"5"),
        ("application/json", b'{"data": "\xff", "links": {}, "meta": {}}'),
        ("application/json", b"\xef\xbb\xbf" + PROMISED),
        ("application/json", b"[" * 100_000),
        ("application/pdf", b"%PDF-1.7"),
    ],
)
def test_not_what_is_promised(route: Route, content_type: str, body: bytes) -> None:
    """A page, an empty or truncated body, anything but a JSON object: the answer is unknown."""
    assert refused(route, answer(200, body, content_type)) == (502, "999")


def test_errors_with_200() -> None:
    """Errors in our form with a status that says otherwise are no answer."""
    assert refused(V3, answer(200, own_form())) == (502, "999")


# Errors that only a status tells.


@both
@pytest.mark.parametrize("status", sorted(STATUSES))
@pytest.mark.parametrize("foreign", FOREIGN)
def test_status_becomes_a_code(route: Route, status: int, foreign: str) -> None:
    """Whatever a body that is not in our form says, the status gives the code."""
    content_type, body = FOREIGN[foreign]
    assert refused(route, answer(status, body, content_type)) == MEANINGS.get(status, (502, "999"))


@both
@pytest.mark.parametrize("status", [401, 403, 429, 500, 400, 418, 204])
def test_errors_that_are_not_the_callers(route: Route, status: int) -> None:
    """What concerns the gateway's own access, or no known status, is not passed on even in our form."""
    assert refused(route, answer(status, own_form())) == MEANINGS.get(status, (502, "999"))


@pytest.mark.parametrize(("status", "code"), [(403, "005"), (451, "005"), (401, "006"), (404, "003"), (503, "001")])
def test_insee(status: int, code: str) -> None:
    """Sirene's 403 says that the entity may not be diffused; its other statuses mean the usual."""
    assert refused(INSEE, answer(status))[1] == code


@each_route
@pytest.mark.parametrize("status", [401, 403, 404, 429, 451, 500, 502, 503, 504, 418])
def test_every_provider(route: Route, status: int) -> None:
    """Each status of each provider has an answer."""
    answered, code = refused(route, answer(status))
    assert answered == PROVIDER_ERRORS[code].status


# Errors in our form.


@pytest.mark.parametrize("status", OWN_FORM)
def test_own_form_is_passed_on(status: int) -> None:
    """From v3 on, errors in our form are passed on byte for byte, with their status and codes; 504 is for late ones."""
    body = own_form(NOT_FOUND, NOT_FOUND | {"code": "02999", "source": {"parameter": "siren"}})
    assert read(V3, answer(status, body)) == ProviderAnswer(502 if status == 504 else status, body, ("02003", "02999"))


@pytest.mark.parametrize(
    ("codes", "expected"),
    [(["02002"], 504), (["02002", "02002"], 504), (["02002", "02999"], 502), (["02999", "02001"], 502)],
)
@pytest.mark.parametrize("status", [502, 504])
def test_own_form_that_speaks_of_a_deadline(status: int, codes: list[str], expected: int) -> None:
    """504 says that a deadline passed and nothing else, so that all of its errors do."""
    given = answer(status, own_form(*(NOT_FOUND | {"code": code} for code in codes)))
    expected = status if expected == 502 and status != 504 else expected
    reading = read(V3, given)
    assert (reading.status, reading.codes) == (expected, tuple(codes))


@pytest.mark.parametrize("meta", [{}, {"provider": "Infogreffe"}, {"retry_in": 5}, None])
@pytest.mark.parametrize("code", ["02001", "02004", "00501"])
@pytest.mark.parametrize("status", [502, 503, 504])
def test_own_form_of_an_outage(status: int, code: str, meta: dict[str, Any] | None) -> None:
    """An outage that a provider words itself is 502 and says when to try again, in its own words if it does."""
    reading = read(V3, answer(status, own_form(NOT_FOUND | {"code": code, "meta": meta})))
    (error,) = orjson.loads(reading.body)["errors"]
    assert (reading.status, reading.codes) == (502, (code,))
    assert error["meta"] == {"retry_in": 10} | (meta or {})
    assert error["detail"] == NOT_FOUND["detail"]


@pytest.mark.parametrize("status", OWN_FORM)
def test_own_form_is_converted_for_v2(status: int) -> None:
    """In v2 they are refusals, which become the bare texts of that version."""
    with pytest.raises(Refusal) as caught:
        read(V2, answer(status, own_form(NOT_FOUND, NOT_FOUND | {"code": "02999", "detail": "Autre."})))
    assert caught.value.status == (502 if status == 504 else status)
    assert [(error.code, error.detail) for error in caught.value.errors] == [
        ("02003", "Rien à ce numéro."),
        ("02999", "Autre."),
    ]


@pytest.mark.parametrize(
    "error",
    [
        {"code": "02003", "title": "a", "detail": "b"},
        {"code": "02003", "title": "a", "detail": "b", "meta": None},
        {"code": "02020", "title": "a", "detail": "b", "meta": {"retry_in": 600}, "links": {}},
    ],
)
def test_least_of_our_form(error: dict[str, Any]) -> None:
    """Code, title and detail make an error in our form; the rest is optional."""
    body = own_form(error)
    assert read(V3, answer(503, body)) == ProviderAnswer(503, body, (error["code"],))


@pytest.mark.parametrize("code", ["", "2003", "002003", "siren 130025265", "0200x", "٠٢٠٠٣", "02003\n"])
def test_codes_are_five_digits(code: str) -> None:
    """What has a code that is none of ours is not in our form: codes label metrics, which must stay few."""
    assert refused(V3, answer(404, own_form(NOT_FOUND | {"code": code}))) == (404, "003")


def test_a_flood_of_errors_is_not_our_form() -> None:
    """An answer with more errors than anybody makes is the error that its status stands for."""
    body = orjson.dumps({"errors": [NOT_FOUND] * 21})
    with pytest.raises(Refusal) as refused:
        read(V3, Response(404, "application/json", body))
    assert [error.code for error in refused.value.errors] == ["02003"]


def test_every_combination_is_an_answer() -> None:
    """Whatever the status and the body, there is one answer, and it is an error unless the status says otherwise."""
    bodies = [*FOREIGN.values(), ("application/json", PROMISED), ("application/json", own_form())]
    for each, status, (content_type, body) in itertools.product((V2, V3, LIST), (200, 206, *STATUSES), bodies):
        try:
            reading = read(each, answer(status, body, content_type))
        except Refusal as refusal:
            said = (refusal.status, len(refusal.errors))
        else:
            assert (reading.status, reading.body) == (502 if status == 504 else status, body)
            said = (reading.status, len(reading.codes))
        promised = (200, 206) if each.endpoint.flat else (200,)
        assert (said[0] in promised and said[1] == 0) or (said[0] >= 400 and said[1] >= 1)


MOVED = [route for route in ROUTES if route.endpoint.redirects]


@pytest.mark.parametrize("route", MOVED, ids=lambda route: route.endpoint.operation)
def test_replaced_number(route: Route) -> None:
    """A number that the provider has replaced is answered with the same endpoint at the new one."""
    kind = route.endpoint.parameters[0].kind
    moved = Response(301, "", b"", f"https://elsewhere.test/any/path/{kind.example}?x=1")
    reading = read(route, moved)
    assert (reading.status, reading.body) == (301, b"")
    assert reading.moved_to == route.endpoint.path.replace("{" + route.endpoint.parameters[0].name + "}", kind.example)


@pytest.mark.parametrize(
    "location", ["", "https://elsewhere.test/", "//evil.test/a%2F", "/130025266", "https://[", "/../x"]
)
@pytest.mark.parametrize("route", MOVED, ids=lambda route: route.endpoint.operation)
def test_replaced_by_nothing(route: Route, location: str) -> None:
    """A redirection that does not end in a valid number is no answer."""
    with pytest.raises(Refusal) as caught:
        read(route, Response(301, "", b"", location))
    assert caught.value.errors[0].code == "01999"


def test_redirections_of_the_others() -> None:
    """No other endpoint passes a redirection on."""
    for route in ROUTES:
        if not route.endpoint.redirects:
            with pytest.raises(Refusal):
                read(route, Response(301, "", b"", "https://elsewhere.test/130025265"))


# Trouble.


def _own_form(*codes: str) -> bytes:
    return orjson.dumps({"errors": [{"code": code, "title": "T", "detail": "D", "meta": {}} for code in codes]})


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, b"{}", True),
        (502, b"{}", True),
        (503, b"{}", True),
        (504, b"{}", True),
        (501, b"{}", False),
        (599, b"{}", False),
        (503, b"", True),
        (503, b"[" * 100_000, True),
        (502, _own_form("04501"), False),
        (503, _own_form("04020"), False),
        (502, _own_form("04000"), True),
        (504, _own_form("04002"), True),
        (504, _own_form("00501"), True),
        (502, _own_form("03501", "03001"), True),
        (500, _own_form("04501"), True),
        (502, orjson.dumps({"errors": ["D"]}), True),
    ],
)
def test_trouble(status: int, body: bytes, expected: bool) -> None:
    """A provider is in trouble if its status, or the codes of errors in our form, say so of the provider itself."""
    answer = Response(status, "application/json", body)
    assert trouble(V3.provider, answer) == (f"it answered {status}" if expected else "")


# Persons.

ABOUT_PERSONS = {
    endpoint.operation: Route(endpoint, provider)
    for provider in PARTICULIER.providers
    for endpoint in provider.endpoints
}
GRANTS = ABOUT_PERSONS["api_particulier_v3_cnous_etudiant_boursier_with_ine"]
GRANTS_V2 = ABOUT_PERSONS["api_particulier_v2_cnous_student_scholarship"]
QUOTIENT = ABOUT_PERSONS["api_particulier_v3_cnav_quotient_familial_with_civility"]
TOLD = "Personne ne s'appelle Zoé DURAND."


def told(code: str, **others: Any) -> dict[str, Any]:
    """An error of a provider that repeats whom it was asked about, wherever it can."""
    return {
        "code": code,
        "title": TOLD,
        "detail": TOLD,
        "source": {"parameter": TOLD},
        "meta": {"said": TOLD},
        **others,
    }


@pytest.mark.parametrize(
    ("route", "status", "error", "code"),
    [
        (GRANTS, 404, told("26003"), "26003"),
        (GRANTS_V2, 404, told("26003"), "26003"),
        (GRANTS, 409, told("26015"), "26015"),
        (QUOTIENT, 404, told("23003"), "23003"),
        (QUOTIENT, 422, told("00355"), "00355"),
        (GRANTS, 502, told("00501"), "00501"),
        (GRANTS, 502, told("26001", meta={"retry_in": 60, "said": TOLD}), "26001"),
        (GRANTS, 502, told("26001", meta={"retry_in": TOLD}), "26001"),
        (GRANTS, 404, told("99123"), "26999"),
        (GRANTS, 404, told("25003"), "26999"),
        (GRANTS, 422, told("00101"), "26999"),
    ],
)
def test_errors_about_persons_are_in_our_own_words(route: Route, status: int, error: dict[str, Any], code: str) -> None:
    """Of an error about a person its code alone counts, if the provider may have it: its words may name anybody."""
    body = orjson.dumps({"errors": [error]})
    with pytest.raises(Refusal) as caught:
        read(route, Response(status, "application/json", body))
    (found,) = caught.value.errors
    assert found.code == code
    assert TOLD not in str(found.as_object())
    assert caught.value.status == (502 if code.endswith("999") else status)


@pytest.mark.parametrize("given", [60, None])
def test_an_outage_keeps_the_time_to_wait(given: int | None) -> None:
    """The seconds after which to try again are the provider's, or the usual ones."""
    error = told("26001", meta={} if given is None else {"retry_in": given})
    with pytest.raises(Refusal) as caught:
        read(GRANTS, Response(502, "application/json", orjson.dumps({"errors": [error]})))
    assert caught.value.errors[0].meta["retry_in"] == (given or OUTAGE_RETRY_IN)


def test_a_bare_conflict_is_the_one_that_is_published() -> None:
    """409 without words means that several persons answer, where the operation has that error."""
    with pytest.raises(Refusal) as caught:
        read(GRANTS, Response(409, "text/plain", b""))
    assert (caught.value.status, caught.value.errors[0].code) == (409, "26015")
