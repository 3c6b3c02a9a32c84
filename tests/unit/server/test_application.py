"""Tests of what the server takes for granted of an application that knows ASGI alone."""

import dataclasses

import pytest

from apientreprise_gateway.server.application import ConnectionHooks
from apientreprise_gateway.server.limits import ConnectionLimits


async def test_an_application_that_knows_asgi_alone() -> None:
    """It bans nobody, has no TLS, answers what is no HTTP by its status alone, and everything else by way of ASGI."""
    hooks = ConnectionHooks()
    assert not hooks.drops_peer("192.0.2.1")
    assert hooks.tls is None
    assert await hooks.on_bad_request(None, "00407") == (431, b"")
    assert not hooks.takes("/v3/anything")
    with pytest.raises(NotImplementedError):
        await hooks.answer({}, lambda *_: hooks.answer({}, lambda *_: None))  # type: ignore[arg-type]


def test_a_misspelt_hook_is_refused() -> None:
    """A name that is none is an error where the hooks are made, not a hook that is never called."""
    with pytest.raises(TypeError):
        ConnectionHooks(drop_peer=lambda _peer: True)  # type: ignore[call-arg]
    with pytest.raises(dataclasses.FrozenInstanceError):
        ConnectionHooks().tls = None  # type: ignore[misc]


def test_applications_share_no_budget() -> None:
    """What connections hold counts for their own application."""
    one, other = ConnectionHooks(), ConnectionHooks()
    kept = one.limits
    assert kept == ConnectionLimits(untaken=kept.untaken, unanswered=kept.unanswered, gate=kept.gate)
    assert one.limits.untaken is not other.limits.untaken
