"""The interface of the rate limiter, which memory and Redis implement."""

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from apientreprise_gateway.contract.bans import Ban
from apientreprise_gateway.ratelimit.windows import SECOND, USUAL_SECONDS, Outcome

TokenKey = tuple[str, str]
"""Identifies a counter: the token's `jti`, and the group's name."""


class Verdict(Struct, frozen=True, gc=False):
    """Whether a call may pass, and the values of its rate-limit headers."""

    admitted: bool
    limit: int
    remaining: int
    reset: int
    """Unix time in seconds, rounded up, when the oldest call of the window leaves it."""
    retry_after: int
    """Whole seconds, at least 1, after which one call will pass; 0 for an admitted call."""
    ban: Ban | None = None
    """The ban on the address: the call must be refused, and the other fields mean nothing except in shadow mode."""
    beside: tuple[int, int] | None = None
    """Limit and remaining calls of the other window of an admitted call that is in two."""


class AddressRule(NamedTuple):
    """How calls with a valid token count for their address."""

    counter: str = "calls"
    """The counter of the calls; those of two counters are not added up."""
    ceiling: int | None = None
    """Calls within 60 s that the counter allows one address, 0 for any number; None for the limiter's `ip_limit`."""
    by_token: bool = False
    """Whether calls refused with 429 are counted by address and token, not by address alone."""
    early: int = 0
    """Microseconds by which a refused call may come too early without being counted as one that ignores 429."""


COMMON: Final = AddressRule()
"""The rule of calls that no other is made for, and of calls without a valid token."""


class StoreUnavailableError(Exception):
    """The store cannot be reached, and the settings say to refuse calls then."""


class Limiter(Protocol):
    """A store of windows and bans. Every call is decided in one atomic step, on the store's own clock."""

    async def admit(
        self,
        address: str | None,
        key: TokenKey,
        limit: int,
        seconds: int = USUAL_SECONDS,
        *,
        minute: int | None = None,
        rule: AddressRule = COMMON,
    ) -> Verdict:
        """Count a call by its address and by its token, and decide whether it may pass.

        Args:
            address: the client, as `client_ip.counted` writes it; None if it is exempt from ceiling and bans.
            key: the token's counter.
            limit: calls that one window of that counter allows, at least 1.
            seconds: length of the window. Windows of different lengths are different counters, even with one key.
            minute: calls that a second window of that counter, of 60 s, allows; not with a first one of 60 s. A call
                that one of the two refuses is counted in neither.
            rule: how it counts for its address.

        Raises:
            StoreUnavailableError: the store cannot be reached, and calls are to be refused then.
        """

    async def count_address(self, address: str, rule: AddressRule = COMMON) -> Ban | None:
        """Count a call only by its address, such as one refused before its token was known; returns a ban on it.

        It never raises: None if the store cannot be reached.
        """

    async def start(self) -> None:
        """Get ready, in the event loop in which it will be used."""

    async def close(self) -> None:
        """Release what `start` opened."""

    def bans_in_force(self) -> list[Ban]:
        """The bans that this process knows of."""

    def known_ban(self, address: str) -> Ban | None:
        """The ban on an address that this process knows of, without asking the store."""


def verdict(outcome: tuple[bool, int, int, int], *, now: int, limit: int, ban: Ban | None = None) -> Verdict:
    """The verdict of a window's outcome, in the units of the headers; with a ban only in shadow mode.

    The outcome may be a tuple of the fields of `Outcome`, in place of one.
    """
    is_admitted, used, reset_at, free_at = outcome
    return Verdict(
        is_admitted,
        limit,
        limit - used if used < limit else 0,
        -(-reset_at // SECOND),
        0 if is_admitted else max(1, -(-(free_at - now) // SECOND)),
        ban,
    )


def verdict_of(windows: Iterable[tuple[int, Outcome]], *, now: int, ban: Ban | None = None) -> Verdict:
    """The verdict on a call that is in several windows, each given as its limit and its outcome.

    It shows the window with the fewest calls left; of two with as many, the one that takes longer until one more call
    passes (for a refused call), or until its oldest call has left (for an admitted one).
    """
    in_order = sorted(windows, key=_by_what_is_left)
    limit, outcome = in_order[0]
    shown = verdict(outcome, now=now, limit=limit, ban=ban)
    if len(in_order) == 1 or not shown.admitted:
        return shown
    limit, outcome = in_order[1]
    return replace(shown, beside=(limit, max(0, limit - outcome.used)))


def _by_what_is_left(window: tuple[int, Outcome]) -> tuple[int, int]:
    limit, outcome = window
    return max(0, limit - outcome.used), -(outcome.reset_at if outcome.admitted else outcome.free_at)


def banned(ban: Ban, *, limit: int) -> Verdict:
    """The verdict on a call whose address is banned."""
    return Verdict(admitted=False, limit=limit, remaining=0, reset=0, retry_after=0, ban=ban)
