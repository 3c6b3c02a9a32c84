"""Tests of the errors of API Particulier's v2."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import (
    ApiError,
    Refusal,
    gateway_error,
    network_error,
    provider_error,
    refuse,
)
from apientreprise_gateway.providers.particulier.flat_errors import FLAT
from apientreprise_gateway.providers.particulier.product import PARTICULIER

ENDPOINTS = {endpoint.operation: endpoint for endpoint in PARTICULIER.endpoints}
WRONG = ApiError(code="00360", title="Entité non traitable", detail="L'INE est mal formé.")
NAMELESS = ApiError(code="00361", title="Entité non traitable", detail="Le nom est mal formé.")


def rendered(refusal: Refusal, endpoint: Endpoint | None = None) -> tuple[int, Any]:
    """Status and body of the answer, read back; the body is valid by its schema."""
    status, body = FLAT.render(refusal, endpoint)
    content = json.loads(body)
    Draft202012Validator(dict(FLAT.schema)).validate(content)
    return status, content


def of_provider(subcode: str) -> Refusal:
    """An error that any provider may have."""
    return provider_error(subcode, prefix="25", name="MESRI")


@pytest.mark.parametrize(
    ("refusal", "status", "word"),
    [
        pytest.param(Refusal(422, WRONG), 400, "bad_request", id="wrong parameter"),
        pytest.param(refuse("00210"), 400, "bad_request", id="recipient"),
        pytest.param(refuse("00101"), 401, "access_denied", id="token missing"),
        pytest.param(refuse("00103"), 401, "access_denied", id="token expired"),
        pytest.param(refuse("00100"), 401, "access_denied", id="scopes"),
        pytest.param(of_provider("003"), 404, "not_found", id="not found"),
        pytest.param(
            Refusal(422, ApiError(code="00355", title="Inconnu", detail="Inconnu.")), 400, "not_found", id="unknown"
        ),
        pytest.param(
            Refusal(409, ApiError(code="26015", title="Conflit", detail="Plusieurs.")), 409, "conflict", id="several"
        ),
        pytest.param(of_provider("000"), 503, "data_provider_error", id="provider failed"),
        pytest.param(of_provider("001"), 503, "data_provider_error", id="provider down"),
        pytest.param(of_provider("006"), 503, "data_provider_error", id="provider refuses us"),
        pytest.param(of_provider("008"), 503, "data_provider_error", id="provider busy"),
        pytest.param(of_provider("020"), 503, "data_provider_error", id="maintenance"),
        pytest.param(of_provider("999"), 503, "provider_unknown_error", id="unknown answer"),
        pytest.param(of_provider("009"), 503, "provider_unknown_error", id="certificate"),
        pytest.param(of_provider("002"), 504, "timeout_error", id="late"),
        pytest.param(of_provider("004"), 502, "network_error", id="no address"),
        pytest.param(network_error(), 502, "network_error", id="network"),
        pytest.param(refuse("00500"), 500, "error", id="internal"),
        pytest.param(refuse("00906"), 503, "error", id="gateway busy"),
        pytest.param(refuse("00404"), 404, "not_found", id="no such path"),
        pytest.param(refuse("00405"), 405, "bad_request", id="method"),
        pytest.param(refuse("00909"), 400, "bad_request", id="unreadable"),
    ],
)
def test_words_and_statuses(refusal: Refusal, status: int, word: str) -> None:
    """Each error has its word, and a status that may differ from that of the later versions."""
    detail = refusal.errors[0].detail
    assert rendered(refusal) == (status, {"error": word, "reason": detail, "message": detail})


@pytest.mark.parametrize("code", ["00015", "00105", "00107", "00429", "00901", "00907"])
def test_lists_of_texts(code: str) -> None:
    """A call too many, a call of who is kept out and the same call in flight are refused with a list of texts."""
    assert rendered(refuse(code)) == (GATEWAY_ERRORS[code].status, {"errors": [GATEWAY_ERRORS[code].detail]})


def test_the_first_error_alone() -> None:
    """Of several errors the first is told, the others are not."""
    status, body = rendered(Refusal(422, WRONG, NAMELESS))
    assert (status, body["message"]) == (400, WRONG.detail)
    assert NAMELESS.detail not in str(body)


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("api_particulier_v2_mesri_student_status", "Student not found"),
        ("api_particulier_v2_men_scolarites", "Student not found"),
        ("api_particulier_v2_cnous_student_scholarship", "Scholarship not found"),
        ("api_particulier_v2_pole_emploi_statut", "Situation not found"),
    ],
)
def test_fixed_reasons(operation: str, reason: str) -> None:
    """Some operations say in English that nobody was found; the message stays what it is."""
    _, body = rendered(of_provider("003"), ENDPOINTS[operation])
    assert body == {"error": "not_found", "reason": reason, "message": of_provider("003").errors[0].detail}
    _, other = rendered(of_provider("000"), ENDPOINTS[operation])
    assert other["reason"] == other["message"]


def test_other_operations_have_no_fixed_reason() -> None:
    """The other operations say the same in reason and message, even if nobody was found."""
    _, body = rendered(of_provider("003"), ENDPOINTS["api_particulier_v2_cnav_prime_activite"])
    assert body["reason"] == body["message"]


@pytest.mark.parametrize("code", sorted(GATEWAY_ERRORS))
def test_every_error_of_the_gateway_has_a_form(code: str) -> None:
    """No error of the gateway is left without a form, and none becomes a success."""
    status, _ = rendered(Refusal(GATEWAY_ERRORS[code].status, gateway_error(code)))
    assert status >= 400


@pytest.mark.parametrize("subcode", sorted(PROVIDER_ERRORS))
def test_every_error_of_providers_has_a_form(subcode: str) -> None:
    """What a provider cannot do is never told as the caller's fault, nor the other way round."""
    status, body = rendered(of_provider(subcode))
    assert (status >= 500) == (PROVIDER_ERRORS[subcode].status >= 500)
    assert (body["error"] in {"not_found", "data_provider_error"}) or status >= 500
