"""What Sirene is asked, and what becomes of its refusals and redirections."""

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.providers.entreprise import insee
from unit.dialects.sirene_3_11.answers import SIREN, SIRET, of_place, of_places, of_unit, place, unit
from unit.dialects.sirene_3_11.asked import (
    ADDRESS,
    BY_SIREN,
    COMPANY_V2,
    LINKS,
    PLACE_V2,
    PLACE_V4,
    SEAT_V4,
    UNIT_V4,
    body_of,
    links_of,
    seat_of,
    sirene,
)
from unit.dialects.speaking import Provider, ask, said

OLD, OLD_PLACE = "998000087", "99800008700010"
API = "https://api.insee.fr/api-sirene/3.11"


def moved(location: str) -> Provider:
    """A Sirene that has replaced a unit by another."""
    return sirene(
        {
            f"/siren/{OLD}": said({"header": {"statut": 301}}, status=301, location=location.format("/siren/" + SIREN)),
            f"/siret/{OLD_PLACE}": said(
                {"header": {"statut": 301}}, status=301, location=location.format(f"/siret?q=siren%3A{SIREN}")
            ),
        }
    )


def refused(operation: str, provider: Provider, number: str | None = None) -> tuple[int, str]:
    """Status and code of the error that an operation answers with."""
    asked = number or (SIREN if operation in BY_SIREN else SIRET)
    with pytest.raises(Refusal) as refusal:
        ask(operation, asked, provider)
    return refusal.value.status, refusal.value.errors[0].code


@pytest.mark.parametrize(
    ("operation", "targets"),
    [
        (UNIT_V4, [f"/siren/{SIREN}"]),
        (PLACE_V4, [f"/siret/{SIRET}"]),
        (ADDRESS, [f"/siret/{SIRET}"]),
        (SEAT_V4, [seat_of(SIREN)]),
        (LINKS, [links_of(SIRET)]),
        (COMPANY_V2, [f"/siren/{SIREN}", seat_of(SIREN)]),
        (PLACE_V2, [f"/siret/{SIRET}"]),
    ],
)
def test_targets(operation: str, targets: list[str]) -> None:
    """Each operation asks what it needs, and no more."""
    provider = sirene()
    body_of(operation, provider)
    assert provider.asked == targets


@pytest.mark.parametrize("endpoint", insee.PROVIDER.endpoints, ids=lambda endpoint: endpoint.operation)
def test_no_rights(endpoint: Endpoint) -> None:
    """What Sirene may not give is 451, whoever asks."""
    assert refused(endpoint.operation, Provider(otherwise=said({"header": {"statut": 403}}, status=403))) == (
        451,
        "01005",
    )


# Numbers that were entered twice.


@pytest.mark.parametrize("location", ["{}", API + "{}", "{}?date=2026-03-02"], ids=["path", "address", "query"])
def test_a_unit_that_was_replaced(location: str) -> None:
    """The unit that remains is answered, with the number that was asked for."""
    reading = ask(UNIT_V4, OLD, moved(location))
    assert f'"siren":"{SIREN}"'.encode() in reading.body
    assert f'"redirect_from_siren":"{OLD}"'.encode() in reading.body


@pytest.mark.parametrize("location", ["{}", API + "{}"], ids=["path", "address"])
def test_an_establishment_whose_unit_was_replaced(location: str) -> None:
    """The head office of the unit that remains is answered, with the number that was asked for."""
    provider = moved(location)
    reading = ask(PLACE_V4, OLD_PLACE, provider)
    assert f'"siret":"{SIRET}"'.encode() in reading.body
    assert f'"redirect_from_siret":"{OLD_PLACE}"'.encode() in reading.body
    assert provider.asked == [f"/siret/{OLD_PLACE}", seat_of(SIREN)]


def test_the_address_of_an_establishment_whose_unit_was_replaced() -> None:
    """Its address is that of the head office that remains; the link says whose it is."""
    assert f"/etablissements/{SIRET}".encode() in ask(ADDRESS, OLD_PLACE, moved("{}")).body


def test_the_seat_of_a_unit_that_was_replaced() -> None:
    """A search finds no seat of a unit that was replaced; the unit says by which."""
    provider = moved("{}")
    assert f'"siret":"{SIRET}"'.encode() in ask(SEAT_V4, OLD, provider).body
    assert provider.asked == [seat_of(OLD), f"/siren/{OLD}", f"/siren/{SIREN}", seat_of(SIREN)]


@pytest.mark.parametrize(
    ("operation", "old", "path"),
    [
        (COMPANY_V2, OLD, f"/v2/entreprises/{SIREN}"),
        (PLACE_V2, OLD_PLACE, f"/v2/etablissements/{SIRET}"),
    ],
)
def test_v2_redirects(operation: str, old: str, path: str) -> None:
    """v2 answers a number that was replaced with a redirection to the one that remains."""
    reading = ask(operation, old, moved("{}"))
    assert (reading.status, reading.moved_to, reading.body) == (301, path, b"")


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/siren/",
        "/siren/130025266",
        f"/siren/{OLD}",
        f"/siren/0{SIREN}",
        "https://ailleurs.exemple.test/",
        f"/siren/{SIREN}?ou=998000012",
        f"/siret/{SIRET}",
        "/siren/１３００２５２６５",
    ],
)
def test_redirections_to_nowhere(location: str) -> None:
    """A redirection that names no other SIREN is an error."""
    provider = sirene(
        {path: said({}, status=301, location=location) for path in (f"/siren/{OLD}", f"/siret/{OLD_PLACE}")}
    )
    assert refused(UNIT_V4, provider, OLD) == (502, "01999")
    assert refused(PLACE_V4, provider, OLD_PLACE) == (502, "01999")


def test_a_redirection_is_followed_once() -> None:
    """A unit that remains is not replaced in its turn."""
    chain = {
        f"/siren/{OLD}": said({}, status=301, location=f"/siren/{SIREN}"),
        f"/siren/{SIREN}": said({}, status=301, location="/siren/998000012"),
    }
    assert refused(UNIT_V4, Provider(chain), OLD) == (502, "01999")


# Head offices.


def test_several_head_offices() -> None:
    """Two head offices at once are an error with a code of its own."""
    twice = sirene(places=(place(), place(siret="13002526500021")))
    assert refused(SEAT_V4, twice) == (502, "01501")
    assert refused(COMPANY_V2, twice) == (502, "01501")


def test_no_head_office() -> None:
    """A unit without a head office is not found at that endpoint."""
    assert refused(SEAT_V4, sirene(places=())) == (404, "01003")
    assert refused(SEAT_V4, sirene({seat_of(SIREN): said(of_places())})) == (404, "01003")


def test_the_head_office_of_nobody() -> None:
    """A unit that is unknown is not found."""
    assert refused(SEAT_V4, Provider()) == (404, "01003")


def test_the_head_office_of_a_unit_that_may_not_be_diffused() -> None:
    """A search leaves it out; the unit says why."""
    provider = Provider({f"/siren/{SIREN}": said({}, status=403)})
    assert refused(SEAT_V4, provider) == (451, "01005")


@pytest.mark.parametrize("operation", [UNIT_V4, PLACE_V4, SEAT_V4, ADDRESS, LINKS, COMPANY_V2, PLACE_V2])
def test_another_answer(operation: str) -> None:
    """An answer to another question is none."""
    answers = {UNIT_V4: of_place(place()), COMPANY_V2: of_place(place())}
    provider = Provider(otherwise=said(answers.get(operation, of_unit(unit()))))
    assert refused(operation, provider) == (502, "01999")
