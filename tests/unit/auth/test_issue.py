"""Tests of the minting of tokens."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.auth.issue import encode, issue
from apientreprise_gateway.auth.keys import KeyRing, secret_keys
from apientreprise_gateway.auth.token import TokenVerifier
from apientreprise_gateway.contract.token_life import default_expiry
from support.tokens import JTI, SECRET

NOW = datetime(2026, 3, 2, 12, 30, 15, tzinfo=UTC)


def minted(*, expires_at: datetime | None = None, issued_at: datetime = NOW) -> str:
    """An ordinary token."""
    return issue(secret=SECRET, scopes=["a", "b"], subject="tests", issued_at=issued_at, expires_at=expires_at)


def test_minted_token_is_valid() -> None:
    """What we mint, we accept."""
    said = TokenVerifier(KeyRing(secret_keys([SECRET])), now=NOW.timestamp).verify(minted())
    assert said.scopes == {"a", "b"}
    assert said.subject == "tests"
    assert said.expires_at == datetime(2027, 9, 2, 12, 30, 15, tzinfo=UTC).timestamp()


def test_claims() -> None:
    """A token carries the published claims, in whole seconds; `uid` and `jti` are the same uuid."""
    claims = jwt.decode(minted(), options={"verify_signature": False})
    assert list(claims) == ["uid", "jti", "scopes", "sub", "extra_info", "iat", "version", "exp"]
    assert claims["uid"] == claims["jti"] == str(UUID(claims["jti"]))
    assert claims["iat"] == NOW.timestamp()
    assert claims["version"] == "1.0"
    assert jwt.get_unverified_header(minted())["alg"] == "HS256"


def test_each_token_has_its_own_identifier() -> None:
    """No two tokens share a `jti`."""
    assert len({jwt.decode(minted(), options={"verify_signature": False})["jti"] for _ in range(100)}) == 100


def test_chosen_end() -> None:
    """An earlier end may be chosen."""
    end = NOW + timedelta(days=1)
    assert jwt.decode(minted(expires_at=end), options={"verify_signature": False})["exp"] == end.timestamp()


@pytest.mark.parametrize("end", [NOW, NOW - timedelta(seconds=1), default_expiry(NOW) + timedelta(seconds=1)])
def test_wrong_end(end: datetime) -> None:
    """An end in the past, or more than eighteen months ahead, is refused."""
    with pytest.raises(ValueError, match="18 months"):
        minted(expires_at=end)


def test_latest_end() -> None:
    """Eighteen months to the second are allowed."""
    assert minted(expires_at=default_expiry(NOW))


@pytest.mark.parametrize(
    ("issued", "expires"),
    [
        ((2026, 1, 15), (2027, 7, 15)),
        ((2026, 6, 1), (2027, 12, 1)),
        ((2026, 7, 1), (2028, 1, 1)),
        ((2026, 12, 28), (2028, 6, 28)),
        ((2025, 8, 31), (2027, 2, 28)),
        ((2024, 2, 29), (2025, 8, 29)),
    ],
)
def test_eighteen_months(issued: tuple[int, int, int], expires: tuple[int, int, int]) -> None:
    """Eighteen months are counted by the calendar, and end on a day that exists."""
    assert default_expiry(datetime(*issued, tzinfo=UTC)) == datetime(*expires, tzinfo=UTC)


@given(day=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis adds the zone itself
@settings(max_examples=300, deadline=None)
def test_eighteen_months_of_any_day(day: datetime) -> None:
    """Whatever the day, a token lives eighteen months, less the days by which months differ."""
    issued = day.replace(tzinfo=UTC)
    assert timedelta(days=543) <= default_expiry(issued) - issued <= timedelta(days=550)


def test_encode_says_whatever_it_is_told() -> None:
    """A token can be made with any identifier and any dates."""
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    text = encode(secret=SECRET, jti=UUID(JTI), scopes=[], subject="", issued_at=long_ago, expires_at=long_ago)
    claims = jwt.decode(text, options={"verify_signature": False})
    assert (claims["jti"], claims["exp"], claims["scopes"]) == (JTI, 978307200, [])
