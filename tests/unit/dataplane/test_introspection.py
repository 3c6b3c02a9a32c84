"""Tests of the body of an introspection."""

import json
from typing import Any

import pytest

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.dataplane.introspection import render

JTI = "4a0c11a2-7d24-4f0b-9a63-0d1b54a4e3a1"


def token(**changes: Any) -> Token:
    """A token that was issued in 2026 and lives for 18 months."""
    given: dict[str, Any] = {"issued_at": 1_764_288_000, "expires_at": 1_811_635_200, **changes}
    return Token(jti=JTI, uid=JTI, scopes=frozenset({"b", "a"}), subject="essai", **given)


def body(record: TokenRecord | None = None, **changes: Any) -> Any:
    """The document of that token."""
    return json.loads(render(token(**changes), record))


def test_an_ordinary_token() -> None:
    """All that is known is told, and what only the issuer knows is null."""
    assert body() == {
        "data": {
            "id": JTI,
            "type": "standard",
            "scopes": ["a", "b"],
            "datapass_id": None,
            "siret_souscripteur": None,
            "date_emission": "2025-11-28T00:00:00Z",
            "date_expiration": "2027-05-30T00:00:00Z",
            "rate_limit_par_minute": None,
            "delegation": None,
        },
        "links": {"datapass": None},
        "meta": {},
    }


@pytest.mark.parametrize(
    ("record", "limit"),
    [
        (None, None),
        (TokenRecord(), None),
        (TokenRecord(limit_per_minute=7), 7),
        (TokenRecord(cap_per_minute=7), 7),
        (TokenRecord(limit_per_minute=9, cap_per_minute=7), 7),
        (TokenRecord(limit_per_minute=7, cap_per_minute=9), 7),
    ],
)
def test_limit(record: TokenRecord | None, limit: int | None) -> None:
    """The limit is the token's own; none for who has that of everybody."""
    assert body(record)["data"]["rate_limit_par_minute"] == limit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00Z"),
        (1_764_288_000.75, "2025-11-28T00:00:00Z"),
        (1e18, None),
        (-1e18, None),
        (float("inf"), None),
    ],
)
def test_dates(seconds: float | None, text: str | None) -> None:
    """A date is whole seconds of UTC; what is missing, or in no calendar, is null."""
    assert body(issued_at=seconds, expires_at=seconds)["data"]["date_emission"] == text
    assert body(issued_at=seconds, expires_at=seconds)["data"]["date_expiration"] == text
