"""What is known of single tokens: revocations, allowed addresses."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.site import LONG, ROOMY, Site, codes, fresh, wait_until
from support.site import site as started

REVOKED, LATER, BOUND, ELSEWHERE, BOTH = (str(uuid.uuid4()) for _ in range(5))
PAST = "2026-01-01T00:00:00Z"
RECORDS: dict[str, Any] = {
    REVOKED: {"revoked_at": PAST},
    LATER: {"revoked_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
    BOUND: {"allowed_addresses": ["127.0.0.2", "2001:db8::/32"]},
    ELSEWHERE: {"allowed_addresses": ["192.0.2.0/24"]},
    BOTH: {"revoked_at": PAST, "allowed_addresses": ["192.0.2.0/24"]},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the records."""
    path = tmp_path_factory.mktemp("registry") / "tokens.json"
    path.write_text(json.dumps(RECORDS))
    return path


@pytest.fixture(scope="module")
def keeper(file: Path) -> Iterator[Site]:
    """A gateway with such a file."""
    with started(file.parent, tokens=str(file), **ROOMY) as keeper:
        yield keeper


@pytest.mark.parametrize("jti", [REVOKED, BOTH], ids=["revoked", "both"])
def test_a_revoked_token(keeper: Site, jti: str) -> None:
    """A revoked token is 401 with its own code, without headers of a limit."""
    response = keeper.call(token=fresh(jti=jti))
    assert (response.status_code, codes(response)) == (401, ["00105"])
    assert "ratelimit-limit" not in response.headers


def test_expiry_comes_before_revocation(keeper: Site) -> None:
    """A token that is expired and revoked is called expired."""
    assert codes(keeper.call(token=fresh(jti=REVOKED, exp=1))) == ["00103"]


def test_a_revocation_to_come(keeper: Site) -> None:
    """A token whose revocation lies in the future is valid until then."""
    assert keeper.call(token=fresh(jti=LATER)).status_code == 200


def test_allowed_addresses(keeper: Site) -> None:
    """A token that is bound to addresses works from these alone; elsewhere it is 403, and counted."""
    refused = keeper.call(token=fresh(jti=BOUND))
    assert (refused.status_code, codes(refused)) == (403, ["00107"])
    assert "ratelimit-remaining" in refused.headers
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"), timeout=LONG) as client:
        assert keeper.call(token=fresh(jti=BOUND), client=client).status_code == 200


def test_scope_comes_before_addresses(keeper: Site) -> None:
    """A token without the scope is told so, wherever it is used from."""
    assert codes(keeper.call(token=fresh(jti=ELSEWHERE, scopes=["other"]))) == ["00100"]


def test_privileges_of_a_revoked_token(keeper: Site) -> None:
    """A revoked token has no privileges."""
    response = keeper.call("/privileges", token=fresh(jti=REVOKED))
    assert (response.status_code, codes(response)) == (401, ["00105"])


def test_a_change_of_the_file_is_seen(keeper: Site, file: Path) -> None:
    """A token in use is refused soon after its revocation is written; an unreadable file changes nothing."""
    jti = str(uuid.uuid4())
    token = fresh(jti=jti)
    assert keeper.call(token=token).status_code == 200
    file.write_text(json.dumps(RECORDS | {jti: {"revoked_at": PAST}}))
    wait_until(lambda: keeper.call(token=token).status_code == 401)
    file.write_text("{ broken")
    wait_until(lambda: "tokens_file_unreadable" in keeper.program.errors.read_text())
    assert codes(keeper.call(token=token)) == ["00105"]
    assert keeper.call(token=fresh()).status_code == 200
    file.write_text(json.dumps(RECORDS))
    wait_until(lambda: keeper.call(token=token).status_code == 200)
