"""Tests of the body of errors as objects."""

import json
from typing import Any

from apientreprise_gateway.contract.error_forms import OBJECTS
from apientreprise_gateway.contract.errors import ApiError, Refusal, gateway_error

ONE = ApiError(code="00101", title="Interdit", detail="Votre jeton…", source={"parameter": "token"}, meta={"a": 1})


def rendered(*errors: ApiError) -> Any:
    """The body of an answer, read back."""
    status, body = OBJECTS.render(Refusal(499, *errors), None)
    assert status == 499
    return json.loads(body)


def test_objects() -> None:
    """An error is an object, in the published order of its keys; the status is the refusal's."""
    body = rendered(ONE)
    assert body == {
        "errors": [
            {
                "code": "00101",
                "title": "Interdit",
                "detail": "Votre jeton…",
                "source": {"parameter": "token"},
                "meta": {"a": 1},
            }
        ]
    }
    assert list(body["errors"][0]) == ["code", "title", "detail", "source", "meta"]


def test_several_errors_in_their_order() -> None:
    """All errors of a refusal are in the body, in their order."""
    errors = [gateway_error("00201"), gateway_error("00203")]
    assert [error["code"] for error in rendered(*errors)["errors"]] == ["00201", "00203"]


def test_without_source() -> None:
    """Where there is no source the key is left out; `meta` is always there."""
    assert list(rendered(gateway_error("00429"))["errors"][0]) == ["code", "title", "detail", "meta"]


def test_words_of_its_own() -> None:
    """A form may word the details of some codes otherwise; the others, status and headers are as they were."""
    form = OBJECTS.with_details({"00100": "Voyez ailleurs."})
    status, body = form.render(Refusal(499, gateway_error("00100"), ONE), None)
    assert status == 499
    assert [error["detail"] for error in json.loads(body)["errors"]] == ["Voyez ailleurs.", "Votre jeton…"]
    assert form.render(Refusal(499, ONE), None) == OBJECTS.render(Refusal(499, ONE), None)
