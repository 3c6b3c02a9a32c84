"""Bodies that are signed, and made by somebody who wishes ill: none is a fault of ours."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine, func, select

from apientreprise_gateway.accounts.datapass import v1, v2
from apientreprise_gateway.accounts.model import ProductKey
from apientreprise_gateway.accounts.reading import NoJsonError, read
from apientreprise_gateway.database.accounts import habilitations, users
from apientreprise_gateway.database.engine import reading
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.portal.webhooks import Webhooks
from apientreprise_gateway.sandbox.datapass.bodies import BODIES
from apientreprise_gateway.sandbox.datapass.requests import FictiveRequest

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
T = int(NOW.timestamp()) - 1000
SOURCES = {1: v1.SOURCE, 2: v2.SOURCE}
NASTY: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**64 - 1,
    1e308,
    -1.5,
    "",
    "\x00",
    "a\x00b@ville.example",
    "a@b.example\r\nBcc: c@d.example",
    "<script>alert(1)</script>",
    "é" * 100_000,
    "\U0001f600",
    "\u202ex",
    "' OR 1=1 --",
    "=cmd()",
    "9" * 30,
    "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00+23:59",
    [],
    [None],
    [[[]]],
    {},
    {"a": {"b": []}},
    {"\x00": "\x00"},
    "revoked",
    "APPROVE",
]
# Copies, as one value is put into another.
VALUES = st.sampled_from(NASTY).map(copy.deepcopy) | st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _places(said: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body."""
    inner = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    return [before, *(place for key, value in inner for place in _places(value, (*before, key)))]


@st.composite
def bodies(draw: st.DrawFn) -> tuple[int, ProductKey, bytes]:
    """A real body of which some places hold something else, or nothing."""
    version = draw(st.sampled_from([1, 2]))
    product = draw(st.sampled_from(list(ProductKey)))
    event = draw(
        st.sampled_from(["approve" if version == 2 else "validate", "submit", "revoke", "transfer", "archive"])
    )
    said: Any = copy.deepcopy(BODIES[version](FictiveRequest(product=product.value), event, T))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from([place for place in _places(said) if place] or [()]))
        if not place:
            break
        within = said
        for key in place[:-1]:
            within = within[key]
        if draw(st.booleans()) or isinstance(within, list):
            within[place[-1]] = draw(VALUES)
        else:
            del within[place[-1]]
    return version, product, json.dumps(said).encode()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=bodies())
def test_no_body_is_a_fault_of_ours(engine: Engine, told: tuple[int, ProductKey, bytes]) -> None:
    """Whatever stands where: it is stored, and applied or not; a repeat is answered alike."""
    version, product, body = told
    webhooks = Webhooks(engine=engine, secrets=(SecretStr("x"),), client_ip=ClientIp(), now=lambda: NOW)
    try:
        first = webhooks.apply(SOURCES[version], product, body)
        again = webhooks.apply(SOURCES[version], product, body)
    except NoJsonError:
        return  # a surrogate alone
    assert first is not None
    assert again is not None
    assert first.status in (200, 422)
    assert (again.status, dict(again.body)) == (first.status, dict(first.body))
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).where(users.c.email.like("%\n%"))) == 0
        assert connection.scalar(select(func.max(func.length(habilitations.c.title)))) in (None, *range(501))


@settings(max_examples=100, deadline=None)
@given(said=VALUES | st.dictionaries(st.sampled_from(["event", "fired_at", "model_type", "data"]), VALUES))
@pytest.mark.parametrize("source", SOURCES.values())
def test_anything_can_be_read(source: str, said: Any) -> None:
    """The reader never fails but for what is no JSON."""
    try:
        body = json.dumps(said).encode()
        read(source, body, ProductKey.ENTREPRISE, NOW)
    except NoJsonError:
        pass
