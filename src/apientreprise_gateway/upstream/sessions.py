"""TLS sessions of providers that are resumed: a handshake without certificates, at half of the price or less.

A session belongs to the context it was made in, so to one set of authorities and one client certificate of ours, and to
one name of a server; a context made anew begins without any. A resumed handshake does not look at the certificate of
the server again, so a session is offered only for a while after the full handshake that it came of.
"""

import ssl
import time
from collections.abc import Callable
from typing import ClassVar, Final

VERIFIED_SECONDS: Final = 600.0
"""Seconds after a full handshake for which its session may be resumed."""
GIVEN_UP_SECONDS: Final = 3600.0
"""Seconds without resuming a server's sessions after it broke off a handshake that would have."""
MAX_NAMES: Final = 64
"""Names of servers whose sessions are kept in a context; the one made longest ago goes first."""


class _Known:
    """What is known of the server of one name."""

    __slots__ = ("full", "session", "until")

    def __init__(self, full: ssl.SSLObject | None, until: float) -> None:
        self.full = full
        """The latest full handshake, until its session is taken; with TLS 1.3 the ticket comes after the handshake."""
        self.session: ssl.SSLSession | None = None
        """Its session, which can be resumed."""
        self.until = until
        """Until when it may be, or it is given up, in seconds of the clock."""

    @property
    def given_up(self) -> bool:
        """Whether there is none and is to be none."""
        return self.full is None and self.session is None


class Sessions:
    """The sessions that were made in one context."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Know none yet; the clock gives monotonic time in seconds."""
        self._clock = clock
        self._known: dict[str | None, _Known] = {}

    def of(self, name: str | None) -> ssl.SSLSession | None:
        """The session to resume with this server; None for a full handshake."""
        known = self._known.get(name)
        if known is None or self._clock() >= known.until:
            return None
        if known.full is not None and (session := known.full.session) is not None and session.has_ticket:
            known.session, known.full = session, None
        return known.session

    def made(self, handshake: ssl.SSLObject) -> None:
        """Take note of a handshake that has succeeded."""
        name = handshake.server_hostname
        known, now = self._known.get(name), self._clock()
        if not handshake.session_reused and (known is None or not known.given_up or now >= known.until):
            self._know(name, _Known(handshake, now + VERIFIED_SECONDS))

    def give_up(self, name: str) -> None:
        """Resume none with this server for long: it breaks off such a handshake in place of making it in full."""
        self._know(name, _Known(None, self._clock() + GIVEN_UP_SECONDS))

    def _know(self, name: str | None, known: _Known) -> None:
        self._known.pop(name, None)
        if len(self._known) >= MAX_NAMES:
            del self._known[next(iter(self._known))]
        self._known[name] = known


class _Resuming(ssl.SSLObject):
    """The TLS of one connection, which resumes a session of its context."""

    sessions: ClassVar[Sessions]
    _begun = False

    def do_handshake(self) -> None:
        """Go on with the handshake."""
        if not self._begun:
            self._begun = True
            session = self.sessions.of(self.server_hostname)
            if session is not None:
                self.session = session
        super().do_handshake()
        self.sessions.made(self)


def resume_in(context: ssl.SSLContext, sessions: Sessions | None = None) -> ssl.SSLContext:
    """Have the connections of a client's context resume sessions; returns the context."""
    given = {"sessions": Sessions() if sessions is None else sessions}
    context.sslobject_class = type("Resuming", (_Resuming,), given)
    return context


def sessions_of(context: ssl.SSLContext) -> Sessions:
    """The sessions of a context; of one that resumes none there are none."""
    kind = context.sslobject_class
    return kind.sessions if issubclass(kind, _Resuming) else Sessions()
