"""Tests of what is known of the TLS sessions of servers."""

from types import SimpleNamespace
from typing import Any

from apientreprise_gateway.upstream.sessions import MAX_NAMES, Sessions


def handshake(name: str, *, ticket: bool = True) -> Any:
    """A full handshake with a server, whose ticket has come."""
    return SimpleNamespace(server_hostname=name, session_reused=False, session=SimpleNamespace(has_ticket=ticket))


def test_names_are_bounded() -> None:
    """The server whose handshake was longest ago makes room for another."""
    sessions, made = Sessions(), {name: handshake(name) for name in map(str, range(MAX_NAMES + 1))}
    for each in [*made.values(), made["1"]]:
        sessions.made(each)
    assert [name for name in made if sessions.of(name) is None] == ["0"]


def test_a_session_without_a_ticket() -> None:
    """Only what the server can know again is offered, as soon as it has come."""
    sessions, begun = Sessions(), handshake("a.example", ticket=False)
    sessions.made(begun)
    assert sessions.of("a.example") is None
    begun.session = SimpleNamespace(has_ticket=True)
    assert sessions.of("a.example") is begun.session
    assert sessions.of("b.example") is None
