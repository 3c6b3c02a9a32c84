"""Log lines about tokens that expire soon; only a few a day name a token, so that the log is never flooded."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from apientreprise_gateway.auth.token import Token

NAMED_A_DAY: Final = 20
"""Tokens that a process names in its log each day; the metric counts all of them."""
_DAY_SECONDS: Final = 86_400
_log = structlog.get_logger(__name__)


class ExpiryNotices:
    """Logs each token that expires soon once a day (UTC), up to `NAMED_A_DAY` of them."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._day = -1
        self._told: set[str] = set()
        self._has_told_of_more = False

    def tell(self, expiring: Sequence[Token]) -> None:
        """Log the tokens not yet named today, earliest expiry first; past the limit, log once that there are more."""
        day = int(self._now() // _DAY_SECONDS)
        if day != self._day:
            self._day, self._told, self._has_told_of_more = day, set(), False
        for token in sorted(expiring, key=_end):
            if token.jti in self._told:
                continue
            if len(self._told) == NAMED_A_DAY:
                self._tell_of_more(len(expiring))
                return
            self._told.add(token.jti)
            _log.warning("token_expires_soon", jti=token.jti, subject=token.subject, expires=_date(token))

    def _tell_of_more(self, count: int) -> None:
        if not self._has_told_of_more:
            self._has_told_of_more = True
            _log.warning("more_tokens_expire_soon", tokens=count, named=NAMED_A_DAY, effect="no more are named today")


def _end(token: Token) -> float:
    return token.expires_at or 0.0


def _date(token: Token) -> str:
    return datetime.fromtimestamp(_end(token), UTC).date().isoformat()
