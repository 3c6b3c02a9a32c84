"""The error codes against the published list."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.errors import ApiError, provider_error, refuse
from conformance.conftest import CATALOGUE, load_cases
from conformance.differences import WORDS

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "errors.json"

DELIBERATE_SOURCES = {
    "00307": ({"parameter": "year"}, "the published error names no parameter; ours says which one is wrong"),
    "00390": ({"parameter": "profondeur"}, "the published error names no parameter; ours says which one is wrong"),
}
"""Where we say more than the published error does."""

UNPUBLISHED = {"00204", "00405", "00406", "00407", "00408", "00409", "00505", "00506"}
"""Codes outside 009xx for what the published list has no code for."""

NEWER = {"00404"}
"""Codes that are published since that list was made: 404, nothing has the name that was asked for."""

PROVIDERS = {provider.prefix: provider for _, provider in CATALOGUE.values()}

PREFIXES = {provider.prefix for _, provider in CATALOGUE.values()}
"""Of the codes of our providers."""

UNTOLD = "…"
"""What stands in the reference for a text that it leaves out."""

OWN_RANGE = "009"
"""What codes begin with that are ours alone."""


@functools.cache
def reference() -> dict[str, Any]:
    """The published list."""
    if not REFERENCE.exists():
        pytest.skip("the published list of errors is not part of this clone (../shared/reference)")
    published: dict[str, Any] = json.loads(REFERENCE.read_text())
    return published


def published_code(code: str) -> dict[str, Any]:
    """What is published of one of the gateway's codes."""
    (entry,) = [each for each in reference()["codes"] if each["code"] == code]
    return dict(entry)


def published_subcode(subcode: str) -> dict[str, Any]:
    """What is published of what can be said of every provider."""
    (entry,) = [each for each in reference()["common_provider_subcodes"] if each["subcode"] == subcode]
    return dict(entry)


def test_unpublished_codes() -> None:
    """Every code is a published one, is in our own range, or is listed as one that nobody else uses."""
    published = {entry["code"] for entry in reference()["codes"]}
    assert {code for code in GATEWAY_ERRORS if not code.startswith(OWN_RANGE)} - published == UNPUBLISHED | NEWER
    assert not [code for code in published if code.startswith(OWN_RANGE)]


@pytest.mark.parametrize(
    "code",
    [code for code in sorted(GATEWAY_ERRORS) if not code.startswith(OWN_RANGE) and code not in UNPUBLISHED | NEWER],
)
def test_gateway_error(code: str) -> None:
    """Status, source and `meta` of a code are the published ones."""
    published = published_code(code)
    refusal = refuse(code)
    (error,) = refusal.errors
    assert refusal.status in published["http"]
    if code in DELIBERATE_SOURCES:
        assert error.source == DELIBERATE_SOURCES[code][0]
        assert published["source"] is None
    else:
        assert error.source == published["source"]


@pytest.mark.parametrize("subcode", sorted(PROVIDER_ERRORS))
def test_provider_error(subcode: str) -> None:
    """Status, source and `meta` of what is said of a provider are the published ones."""
    published = published_subcode(subcode)
    refusal = provider_error(subcode, prefix="04", name="ACOSS")
    (error,) = refusal.errors
    assert refusal.status == published["http_runtime"]
    assert error.source == published["source"]
    assert set(error.meta) - {"retry_in"} <= set(published["meta_keys"])
    assert ("retry_in" in error.meta) == (subcode in {"001", "004"}), "what official clients read on a 502"


def ours_of(code: str) -> ApiError | None:
    """Our error of a code, or of its last three digits where every provider may have it; None if we have none."""
    if code in GATEWAY_ERRORS:
        return refuse(code).errors[0]
    if len(code) == 5 and code[:2] not in PREFIXES:
        return None
    if len(code) == 5 and code in PROVIDERS[code[:2]].errors:
        return PROVIDERS[code[:2]].own_error(code, status=502).errors[0]
    if code[-3:] in PROVIDER_ERRORS:
        return provider_error(code[-3:], prefix="04", name="ACOSS").errors[0]
    return None


def published_words() -> Iterator[tuple[str, str, str]]:
    """Code, `title` or `detail`, and text of whatever the reference says of an error of API Entreprise."""
    entries = [
        *reference()["codes"],
        *({"code": entry["subcode"], **entry} for entry in reference()["common_provider_subcodes"]),
        *(error for case in load_cases() if case["op"] in CATALOGUE for error in errors_of(case["body"])),
    ]
    for entry in entries:
        for word in ("title", "detail"):
            if (text := entry.get(word)) and text != UNTOLD:
                yield entry["code"], word, text


def errors_of(body: Any) -> list[dict[str, Any]]:
    """The coded errors of a published answer."""
    return [error for error in body.get("errors", []) if isinstance(error, dict)] if isinstance(body, dict) else []


def test_words_are_the_published_ones() -> None:
    """Titles and details are those of the reference, in its list and in its sandbox, but for those that are listed."""
    found = set()
    for code, word, text in published_words():
        error = ours_of(code)
        if error is not None and getattr(error, word) != text:
            found.add((code, text, getattr(error, word)))
    assert found == {(words.code, words.reference, words.ours) for words in WORDS}


def test_differing_words_are_told() -> None:
    """Every listed difference of words is in the contract, with its reason."""
    contract = (Path(__file__).resolve().parents[2] / "docs" / "contract.md").read_text()
    for words in WORDS:
        assert f"`{words.reference}`" in contract
        assert words.reason.endswith(".")


def test_deliberate_differences_are_used() -> None:
    """What is listed as a difference exists, and has its reason."""
    assert set(DELIBERATE_SOURCES) <= set(GATEWAY_ERRORS)
    assert all(reason for _, reason in DELIBERATE_SOURCES.values())


@pytest.mark.parametrize(
    "provider",
    list({provider.key: provider for _, provider in CATALOGUE.values()}.values()),
    ids=lambda provider: provider.key,
)
def test_provider_prefix(provider: Any) -> None:
    """A provider's prefix and name are the published ones."""
    assert reference()["provider_prefixes"][provider.prefix] == provider.name
