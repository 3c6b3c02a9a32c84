"""Tests of the errors that one provider alone has."""

import pytest

from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.providers.entreprise import urssaf
from apientreprise_gateway.providers.entreprise.product import PROVIDERS

ERRORS = {code: provider for provider in PROVIDERS for code in provider.errors}


@pytest.mark.parametrize(("code", "provider"), list(ERRORS.items()))
def test_own_errors(code: str, provider: Provider) -> None:
    """An error that one provider alone has names it, at the status that its endpoint declares."""
    refusal = provider.own_error(code, status=503)
    (error,) = refusal.errors
    assert (refusal.status, error.code, error.source) == (503, code, None)
    assert error.meta["provider"] == provider.name
    assert error.title.strip()
    assert error.detail.strip().endswith(".")


def test_own_errors_are_no_common_ones() -> None:
    """No code has two meanings: what one provider alone says is nothing that any provider may say."""
    assert all(len(code) == 5 and code.isdigit() and code[2] != "0" for code in ERRORS)
    assert not {code for code in ERRORS if code in GATEWAY_ERRORS or code[2:] in PROVIDER_ERRORS}


def test_when_to_try_again() -> None:
    """A provider that examines an account by hand says when to come back: in two days."""
    assert urssaf.PROVIDER.own_error("04501", status=502).errors[0].meta == {
        "provider": "ACOSS",
        "retry_in": 172_800,
    }
