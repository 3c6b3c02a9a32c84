"""The first check of a call: its address, its request id, and whether the address is banned."""

import asyncio
import os
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

from apientreprise_gateway.contract.errors import ConnectionDropped, refuse
from apientreprise_gateway.dataplane.call import Call, Check, Unlogged
from apientreprise_gateway.net.asgi import Header, Scope
from apientreprise_gateway.net.client_ip import ClientIp, counted
from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.access_log import AccessLog, LogFullError
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.ratelimit.port import COMMON, AddressRule, Limiter

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")
_RETRY_WHEN_WRITTEN: Final[tuple[Header, ...]] = ((b"retry-after", b"10"),)
_RETRY_WHEN_FEWER_COME: Final[tuple[Header, ...]] = ((b"retry-after", b"2"),)
_IDS: Final = 256
"""Request ids made at once, with one system call; they share their first 74 random bits, the other 48 are their own."""
_ids: Final[list[bytes]] = []
os.register_at_fork(after_in_child=_ids.clear)


class Admission:
    """The first check of every call, for an endpoint or for a document."""

    def __init__(
        self,
        *,
        client_ip: ClientIp,
        limiter: Limiter,
        metrics: Metrics,
        access_log: AccessLog,
        recorder: tracing.Recorder | None = None,
        forbid_banned: bool = False,
        shadow: bool = False,
    ) -> None:
        """Configure it.

        Args:
            client_ip: finds the address of a client.
            limiter: knows the bans, and counts calls by address.
            metrics: where dropped connections and refusals in shadow mode are counted.
            access_log: calls wait for it while it is full.
            recorder: records spans, and may begin traces; None if no spans are recorded.
            forbid_banned: whether a banned address gets 403 instead of a closed connection.
            shadow: shadow mode: whether limits and bans are only reported, not enforced.
        """
        self._client_ip = client_ip
        self._limiter = limiter
        self._metrics = metrics
        self._access_log = access_log
        self._recorder = recorder
        self._forbid_banned = forbid_banned
        self.is_shadow = shadow

    def admit(self, call: Call) -> None:
        """Find the address, request id and trace of a call, and refuse it if the address is banned.

        Raises:
            ConnectionDropped: the address is banned, and its connection is to be closed.
            Refusal: the address is banned, and gets an answer that says so.
        """
        scope = call.scope
        headers = call.headers = dict(scope["headers"])
        peer = scope["client"]
        self._identify(call, None if peer is None else peer[0], scope["headers"])
        given = headers.get(b"x-request-id")
        call.request_id = given if given is not None and _REQUEST_ID.fullmatch(given) else new_request_id()
        if b"traceparent" in headers or self._recorder is not None:
            call.trace = tracing.enter(scope["headers"], recorder=self._recorder)
        self._refuse_known_ban(call)

    async def admit_late(self, call: Call, counts_apart: Callable[[Call], bool] = lambda _call: False) -> None:
        """As `admit`, while the access log is full: the call is counted, then waits, unless too many calls wait.

        Args:
            call: the call.
            counts_apart: whether it does not count for the ceiling that all calls without a valid token count for. It
                is counted after its wait then.

        Raises:
            ConnectionDropped: as `admit`.
            Refusal: as `admit`; also 503 `00906` if too many calls wait.
        """
        call.outcome_without_line = Unlogged.REFUSED
        try:
            self.admit(call)
            if not counts_apart(call):
                await self.count_unknown(call)
                call.address = None  # it has been counted
            await self._access_log.room(_size_of(call.scope))
        except LogFullError:
            raise refuse("00906", headers=_RETRY_WHEN_WRITTEN) from None
        except asyncio.CancelledError:
            call.outcome_without_line = Unlogged.ABANDONED
            raise
        call.outcome_without_line = None

    def turn_away(self, call: Call) -> NoReturn:
        """As `admit`, for a call that has waited for too long: it is refused (503 `00912`), and counted in no window.

        Raises:
            ConnectionDropped, Refusal: as `admit`, or that refusal.
        """
        if self._access_log.is_full:
            call.outcome_without_line = Unlogged.REFUSED  # without another wait
        self.admit(call)
        raise refuse("00912", headers=_RETRY_WHEN_FEWER_COME)

    def admit_unreadable(self, call: Call, peer: str | None) -> None:
        """As `admit`, for bytes that are no HTTP request: only the peer of the connection is known."""
        self._identify(call, peer, ())
        call.request_id = new_request_id()
        if self._access_log.is_full:
            call.outcome_without_line = Unlogged.REFUSED  # it gets its usual answer at once, without a wait
        self._refuse_known_ban(call)

    async def count_unknown(self, call: Call, rule: AddressRule = COMMON) -> None:
        """Count for its address a call that is in no window of a token, most often a refused one.

        Raises:
            ConnectionDropped, Refusal: it was one call too many, as `admit`.
        """
        if call.address is not None:
            ban = await self._limiter.count_address(call.address, rule)
            if ban is not None:
                self.refuse_banned(call)

    def refuse_banned(self, call: Call) -> None:
        """Refuse a call whose address is banned; in shadow mode only report it.

        Raises:
            ConnectionDropped, Refusal: as `admit`.
        """
        if self.is_shadow:
            self.report_shadow(call, Check.BAN)
            return
        raise refuse("00901") if self._forbid_banned else ConnectionDropped()

    def report_shadow(self, call: Call, check: Check) -> None:
        """Count a refusal that shadow mode leaves out, once per call and check."""
        if check not in call.shadowed:
            call.shadowed = (*call.shadowed, check)
            self._metrics.shadowed(check).inc()

    def drop(self, call: Call) -> None:
        """Close the connection of a call without an answer."""
        self._metrics.dropped.inc()
        if call.connection is None:
            raise RuntimeError("the server cannot close connections: run the gateway with its own protocol class")
        call.connection.drop()

    def drops_peer(self, peer: str) -> bool:
        """Whether to close a new connection at once, because its peer is banned."""
        if self.is_shadow or self._forbid_banned:
            return False
        client = self._client_ip.of_direct(peer)
        if client is None or self._client_ip.is_exempt(client) or self._limiter.known_ban(counted(client)) is None:
            return False
        self._metrics.dropped.inc()
        return True

    def _identify(self, call: Call, peer: str | None, headers: Iterable[Header]) -> None:
        direct = None if peer is None else self._client_ip.of_direct(peer)
        call.client = direct or self._client_ip.of(peer, headers)
        call.address = None if self._client_ip.is_exempt(call.client) else counted(call.client)

    def _refuse_known_ban(self, call: Call) -> None:
        if call.address is not None and self._limiter.known_ban(call.address) is not None:
            self.refuse_banned(call)


def new_request_id() -> bytes:
    """A request id for a call that has none: a random UUID (version 4)."""
    if not _ids:
        start = str(uuid.uuid4())[:-12].encode("ascii")
        ends = os.urandom(6 * _IDS).hex().encode("ascii")
        _ids.extend(start + ends[place : place + 12] for place in range(0, 12 * _IDS, 12))
    return _ids.pop()


def _size_of(scope: Scope) -> int:
    """Bytes of a request that are held in memory while it is answered."""
    headers: list[Header] = scope["headers"]
    return len(scope["raw_path"]) + len(scope["query_string"]) + sum(len(name) + len(value) for name, value in headers)
