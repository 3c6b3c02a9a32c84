"""The port of the rate limiter: what the pipeline asks of a store, and what it gets back."""

from typing import NamedTuple, Protocol

from apientreprise_gateway.ratelimit.bans import Ban
from apientreprise_gateway.ratelimit.windows import SECOND, USUAL_SECONDS, Outcome

TokenKey = tuple[str, str]
"""A counter: the token's `jti`, the group's name."""


class Verdict(NamedTuple):
    """May this call pass, and what do the headers say."""

    admitted: bool
    limit: int
    remaining: int
    reset: int
    """Unix time in seconds, rounded up, when the oldest call of the window leaves it."""
    retry_after: int
    """Whole seconds, at least 1, after which one call will pass; 0 for an admitted call."""
    ban: Ban | None = None
    """The ban on the address: the call must get no answer, and the other fields say nothing unless in shadow."""


class StoreUnavailableError(Exception):
    """The store cannot be asked, and the deployment chose that nobody decides in its place."""


class Limiter(Protocol):
    """A store of windows and bans. Every call is decided in one atomic step, on the store's own clock."""

    async def admit(self, address: str | None, key: TokenKey, limit: int, seconds: int = USUAL_SECONDS) -> Verdict:
        """Count a call by its address and by its token, and decide on it.

        Raises `StoreUnavailableError` where nobody may decide in the store's place.

        Args:
            address: the client, as `client_ip.counted` writes it; None if it is exempt from ceiling and bans.
            key: the token's counter.
            limit: calls that one window of that counter takes, at least 1.
            seconds: length of the window. Windows of two lengths are two counters, whatever their key is.
        """

    async def count_address(self, address: str) -> Ban | None:
        """Count by its address alone a call that was refused before its token was known.

        It is refused whatever this says, so nothing is raised: None where nobody can count.
        """

    async def start(self) -> None:
        """Make ready, in the event loop that will ask."""

    async def close(self) -> None:
        """Let go of what `start` took."""

    def bans_in_force(self) -> list[Ban]:
        """The bans that this process knows of."""

    def known_ban(self, address: str) -> Ban | None:
        """The ban on an address that this process knows of, without asking anybody."""


def verdict(outcome: Outcome, *, now: int, limit: int, ban: Ban | None = None) -> Verdict:
    """What a window says, in the units of the headers; with a ban in shadow alone."""
    admitted, used, reset_at, free_at = outcome
    return Verdict(
        admitted,
        limit,
        max(0, limit - used),
        reset=-(-reset_at // SECOND),
        retry_after=0 if admitted else max(1, -(-(free_at - now) // SECOND)),
        ban=ban,
    )


def banned(ban: Ban, *, limit: int) -> Verdict:
    """The verdict on a call whose address is banned."""
    return Verdict(admitted=False, limit=limit, remaining=0, reset=0, retry_after=0, ban=ban)
