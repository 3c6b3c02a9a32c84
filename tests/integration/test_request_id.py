"""`X-Request-Id`: the caller's if it is well formed, else one of ours."""

import uuid

import pytest

from support.site import UNITE_LEGALE, Site, fresh
from support.wire import request, wire

GOOD_IDS = ["a", "0f9d1c1e-6f0a-4c58-9d5e-1a2b3c4d5e6f", "Root=1-67891233-abcdef", "a" * 128, "x_y.z:/+="]


@pytest.mark.parametrize("given", GOOD_IDS)
def test_a_well_formed_id_is_taken_over(site: Site, given: str) -> None:
    """The caller's id is in the answer, in the line, and in the call to the provider."""
    given = f"{given[:120]}-{uuid.uuid4().hex[:7]}" if len(given) < 128 else given
    response = site.call(token=fresh(), headers={"X-Request-Id": given})
    assert response.headers["x-request-id"] == given
    assert f"\r\nX-Request-Id: {given}\r\n" in site.provider.requests[0]
    assert site.line(given)["status"] == 200


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "a\tb", 'a"b', "é", "a,b", "{}", "a;b", "a" * 5000])
def test_a_malformed_id_is_replaced(site: Site, given: str) -> None:
    """An id that is too long or has other characters is replaced by a UUID, everywhere."""
    with wire(site.program.port) as line:
        line.send(request(token=fresh(), headers={"X-Request-Id": given}))
        got = line.answer()
    made = got.headers["x-request-id"]
    assert got.status == 200
    assert made != given
    assert str(uuid.UUID(made)) == made
    assert f"\r\nX-Request-Id: {made}\r\n" in site.provider.requests[0]


@pytest.mark.parametrize("path", [UNITE_LEGALE, "/nowhere", UNITE_LEGALE + "1"])
def test_every_answer_has_an_id(site: Site, path: str) -> None:
    """A refused call has an id as well, and no two calls share one."""
    ids = [site.call(path, token=token).headers["x-request-id"] for token in (None, "garbage", fresh())]
    assert len(set(ids)) == 3
