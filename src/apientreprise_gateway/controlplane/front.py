"""The front of the control plane: a ceiling for each address, and the redirection from `/` to the documentation."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.contract.errors import refuse, refuse_for_now
from apientreprise_gateway.controlplane.ceiling import Ceiling
from apientreprise_gateway.controlplane.errors import ErrorPages
from apientreprise_gateway.controlplane.negotiation import accepts
from apientreprise_gateway.controlplane.paths import DOCS, LIVE, READY
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.net.client_ip import ClientIp, counted
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.server.application import CONNECTION, Connection
from apientreprise_gateway.server.buffers import SMALL_BYTES

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ROOT: Final = "/"
CHECK: Final = "control"
"""Label of the ceiling in the metric of refusals that are not enforced."""
_FREE: Final = frozenset({LIVE, READY})
"""Paths that operators may call without a ceiling; their answers cost nothing."""
_READS: Final = frozenset({"GET", "HEAD"})


def leads_to_docs(scope: Scope) -> bool:
    """Whether a call is for `/` and accepts HTML: a browser that was given nothing but the host."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
    return scope["path"] == ROOT and scope["method"] in _READS and accepts(accepted, "text/html")


def _has_room(scope: Scope) -> bool:
    """Whether there is room for one more answer that its client has not read yet."""
    connection: Connection | None = scope.get(CONNECTION)
    return connection is None or connection.has_room(SMALL_BYTES)


class Front:
    """The ASGI application that callers reach: the control plane behind its ceiling."""

    def __init__(
        self,
        control: Application,
        *,
        errors: ErrorPages,
        ceiling: Ceiling,
        client_ip: ClientIp,
        metrics: Metrics,
        shadow: bool,
    ) -> None:
        """Put a control plane behind its ceiling.

        Args:
            control: the control plane.
            errors: the answers to calls that are refused.
            ceiling: how many calls each address may make.
            client_ip: finds the address of a client.
            metrics: where refusals are counted.
            shadow: whether refusals of the ceiling are only counted, not made.
        """
        self._control = control
        self._errors = errors
        self._ceiling = ceiling
        self._client_ip = client_ip
        self._metrics = metrics
        self._shadow = shadow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""
        path = scope["path"]
        page: Application = self._control
        if path in _FREE:
            pass
        elif (wait := self._count(scope)) is not None:
            page = self._too_many(path, wait)
        elif not _has_room(scope):
            self._metrics.errors("00908").inc()
            page = self._errors.of(path, refuse_for_now())
        elif path == ROOT:
            page = RedirectResponse(DOCS, 302, headers={"Vary": "Accept", "Cache-Control": "no-store"})
        await page(scope, receive, send)

    def _count(self, scope: Scope) -> int | None:
        """Count a call for its address: None if it may pass, else the seconds to wait."""
        peer = scope["client"]
        client = self._client_ip.of(None if peer is None else peer[0], scope["headers"])
        if self._client_ip.is_exempt(client):
            return None
        wait = self._ceiling.hit(counted(client))
        self._metrics.control_addresses.set(len(self._ceiling))
        if wait is not None and self._shadow:
            self._metrics.shadowed(CHECK).inc()
            return None
        return wait

    def _too_many(self, path: str, wait: int) -> Response:
        self._metrics.control_refused.inc()
        self._metrics.errors("00907").inc()
        return self._errors.of(path, refuse("00907", headers=((b"retry-after", b"%d" % wait),)))
