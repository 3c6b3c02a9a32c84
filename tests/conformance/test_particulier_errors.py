"""The errors of API Particulier's providers, and those of its v2, against the published ones."""

import orjson
import pytest

from apientreprise_gateway.contract.codes import ACCESS_TOKEN_ERRORS, GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.errors import GATEWAY_PREFIX, Refusal, gateway_error, provider_error
from apientreprise_gateway.contract.france_connect import FRANCE_CONNECT
from apientreprise_gateway.providers.particulier.flat_errors import FLAT
from apientreprise_gateway.providers.particulier.product import PROVIDERS
from conformance.conftest import load_errors

REFERENCE = load_errors()
CODES = {entry["code"]: entry for entry in REFERENCE["codes"]}
ABSENT = {entry["subcode"]: entry for entry in REFERENCE["common_provider_subcodes"]}["003"]
WORDS = REFERENCE["body_formats"]["api_particulier_v2"]["words"]
NEWER = {"26561", "26562", "36560"}
"""Codes that are published since the list was made."""
STATUSES = {"network_error": "502"}
"""Statuses of words where the published program answers otherwise than the old documents say."""
OWN = [
    pytest.param(code, status, provider, id=f"{code}-{provider.key}")
    for provider in PROVIDERS
    for status, code in sorted(
        {(status, code) for each in provider.endpoints for status, codes in each.codes.items() for code in codes}
    )
]


@pytest.mark.parametrize(("code", "status", "provider"), OWN)
def test_own_errors(code: str, status: int, provider: Provider) -> None:
    """An error that one provider alone has is published with its title and status; who has it is told as published."""
    (error,) = provider.own_error(code, status=status).errors
    prefix = code[:2]
    if prefix != GATEWAY_PREFIX:
        assert REFERENCE["provider_prefixes"][prefix] == error.meta["provider"]
    if code in NEWER:
        return
    if code[2:] == "003":
        assert error.title in ABSENT["titles_in_examples"]
        assert status == ABSENT["http_runtime"]
    elif code[2:] == "015":
        assert (error.title, status) == ("Conflit", 409)
    else:
        published = CODES[code]
        assert error.title == published["title"]
        assert status in published["http"]
        assert set(error.meta) == set(published["meta_keys"])


@pytest.mark.parametrize("code", ACCESS_TOKEN_ERRORS)
def test_errors_of_access_tokens(code: str) -> None:
    """What may be wrong with an access token of FranceConnect is published, and says so at the published status."""
    published, ours = CODES[code], gateway_error(code)
    assert (ours.title, list(ours.meta)) == (published["title"], published["meta_keys"])
    assert published["http"] == [ACCESS_TOKEN_ERRORS[code].status]
    assert published["source"] == ours.source


def test_the_prefix_of_france_connect() -> None:
    """FranceConnect fails under its published prefix, which is not that of access tokens."""
    assert REFERENCE["provider_prefixes"][FRANCE_CONNECT.prefix] == FRANCE_CONNECT.name


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.key)
def test_prefix(provider: Provider) -> None:
    """A provider's prefix and name are the published ones."""
    assert REFERENCE["provider_prefixes"][provider.prefix] == provider.name


def test_words_of_v2() -> None:
    """Every word of a flat error is a published one, at a published status, but for what has no published word.

    Those are statuses of requests that the published service leaves to its server, and maintenance.
    """
    refusals = [Refusal(kind.status, gateway_error(code)) for code, kind in GATEWAY_ERRORS.items()]
    refusals += [provider_error(subcode, prefix="25", name="MESRI") for subcode in PROVIDER_ERRORS]
    for refusal in refusals:
        status, body = FLAT.render(refusal, None)
        content = orjson.loads(body)
        if "error" in content and status not in {405, 410, 414, 416, 431, 451} and content["error"] != "error":
            word = content["error"]
            assert str(status) in {*WORDS[word], STATUSES.get(word, "")}
