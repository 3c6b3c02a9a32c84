"""Tests of the codes and of the refusals that carry them."""

import pytest

from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.errors import (
    Refusal,
    gateway_error,
    network_error,
    provider_error,
    refuse,
)

# The gateway's own.


@pytest.mark.parametrize("code", sorted(GATEWAY_ERRORS))
def test_own_errors(code: str) -> None:
    """Each code has five digits, a status of an error, a title and a detail."""
    assert len(code) == 5
    assert code.isdigit()
    assert code.startswith("00")
    refusal = refuse(code)
    assert 400 <= refusal.status <= 599
    (error,) = refusal.errors
    assert error.code == code
    assert error.title.strip()
    assert error.detail.strip()
    assert error.meta == {}
    assert refusal.headers == ()


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        (
            "00100",
            "Votre token est valide mais vos privilèges sont insuffisants. Listez vos privilèges sur /v2/privileges",
        ),
        ("00101", "Votre token n'est pas valide ou n'est pas renseigné"),
        ("00107", "Votre adresse IP n'est pas autorisée à utiliser ce jeton."),
        ("00201", "Le paramètre context est obligatoire"),
        ("00202", "Le paramètre object est obligatoire"),
        ("00203", "Le paramètre recipient est obligatoire"),
        ("00210", "Le paramètre recipient n'est pas un siret valide"),
        ("00301", "Le numéro de siren n'est pas correctement formatté"),
        ("00302", "Le numéro de siret n'est pas correctement formatté"),
        ("00303", "Le numéro de siret ou le numéro d'association indiqué n'est pas correctement formatté"),
        ("00304", "Le numéro de siret ou le numéro EORI n'est pas correctement formatté"),
        ("00305", "Le format du mois n'est pas valide"),
        ("00307", "L'année n'est pas correctement formatée"),
        ("00313", "Le paramètre limit n'est pas correctement formatté"),
        ("00315", "L'année n'est pas valide : elle doit être comprise entre 2006 et l'année précédente"),
        ("00401", "Votre requête est invalide"),
        ("00403", "Le lien de téléchargement est expiré."),
        ("00429", "Vous avez effectué trop de requêtes"),
    ],
)
def test_texts_that_integrators_compare(code: str, detail: str) -> None:
    """Texts that integrators may compare stay as published, spelling included."""
    assert refuse(code).errors[0].detail == detail


def test_title_of_an_unknown_entity() -> None:
    """An entity that a provider does not know has the title that published answers give it."""
    assert provider_error("003", prefix="01", name="INSEE").errors[0].title == "Entité non trouvée"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("00015", 409),
        ("00100", 403),
        ("00101", 401),
        ("00103", 401),
        ("00105", 401),
        ("00107", 403),
        ("00901", 403),
        ("00201", 422),
        ("00210", 422),
        ("00402", 404),
        ("00404", 404),
        ("00405", 405),
        ("00429", 429),
        ("00500", 500),
        ("00501", 502),
    ],
)
def test_statuses(code: str, status: int) -> None:
    """Each code has the status of the contract."""
    assert refuse(code).status == status


def test_too_many_calls_is_not_taken_for_not_found() -> None:
    """429 and 404 share neither code, nor title, nor detail."""
    too_many, unknown = gateway_error("00429"), gateway_error("00404")
    assert {too_many.code, too_many.title, too_many.detail}.isdisjoint({unknown.code, unknown.title, unknown.detail})


def test_source_can_be_replaced() -> None:
    """The parameter that an error names is the endpoint's own."""
    assert gateway_error("00301", source={"parameter": "id"}).source == {"parameter": "id"}
    assert refuse("00301", source={"parameter": "id"}).errors[0].source == {"parameter": "id"}
    assert gateway_error("00301").source == {"parameter": "siren"}


def test_headers() -> None:
    """A refusal carries the headers that belong to it."""
    assert refuse("00429", headers=((b"retry-after", b"3"),)).headers == ((b"retry-after", b"3"),)


def test_unknown_code() -> None:
    """A code that does not exist is a mistake of the program."""
    with pytest.raises(KeyError):
        refuse("99999")


def test_network_error() -> None:
    """Network trouble is a 502 that says when to try again, and names no provider."""
    refusal = network_error()
    assert (refusal.status, refusal.errors[0].code) == (502, "00501")
    assert refusal.errors[0].meta == {"retry_in": 10}


# The providers'.


@pytest.mark.parametrize("subcode", sorted(PROVIDER_ERRORS))
def test_provider_errors(subcode: str) -> None:
    """A provider's error has its prefix and its name; one about a file an empty `meta`, an outage when to ask again."""
    refusal = provider_error(subcode, prefix="04", name="ACOSS")
    assert isinstance(refusal, Refusal)
    (error,) = refusal.errors
    assert error.code == f"04{subcode}"
    assert len(error.code) == 5
    assert "ACOSS" in error.detail
    assert "{" not in error.detail
    named = {} if subcode in {"051", "052", "053", "054", "055", "056"} else {"provider": "ACOSS"}
    assert error.meta == named | ({"retry_in": 10} if subcode in {"001", "004"} else {})
    assert error.source is None
    assert refusal.status in {404, 451, 502, 503, 504}
    assert (refusal.status == 504) == (subcode == "002"), "504 means that the deadline passed, and nothing else"


def test_provider_errors_that_pass() -> None:
    """Where it is known when a provider can be asked again, `meta` says in how many seconds."""
    refusal = provider_error("020", prefix="01", name="INSEE", retry_in=90)
    assert (refusal.status, refusal.errors[0].code) == (503, "01020")
    assert refusal.errors[0].meta == {"provider": "INSEE", "retry_in": 90}


def test_name_with_braces() -> None:
    """A provider's name is not read as a template."""
    assert "{0}" in provider_error("000", prefix="99", name="{0}").errors[0].detail


def test_no_subcode_is_lost() -> None:
    """Every common code of the contract can be said."""
    wanted = {"000", "001", "002", "003", "004", "005", "020", "051", "052", "053", "054", "055", "056", "999"}
    assert wanted <= set(PROVIDER_ERRORS)
