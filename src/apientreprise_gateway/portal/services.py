"""What the pages of a process share, made once when it starts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine
from starlette.requests import HTTPConnection

from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.portal.figures import Counted
from apientreprise_gateway.portal.metrics import PortalMetrics
from apientreprise_gateway.portal.sealing import Sealer
from apientreprise_gateway.portal.settings import Settings
from apientreprise_gateway.providers.product import Product

if TYPE_CHECKING:
    from apientreprise_gateway.portal.dsfr import Dsfr
    from apientreprise_gateway.portal.login.proconnect import ProConnect

_is_writing: Final[ContextVar[bool]] = ContextVar("is_writing", default=False)
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """Somebody whom a visitor of a demonstration may be."""

    email: str
    who: str
    """In French: who that is, and what they may do."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What a demonstration adds to the portal."""

    people: Sequence[DemoPerson] = ()


@dataclass(frozen=True, kw_only=True)
class Services:
    """Settings, database, clock and the like; `services(request)` gives them to a page."""

    settings: Settings
    engine: Engine
    sealer: Sealer
    products: Sequence[Product]
    public_url: str
    """Address of the portal, as users see it, without a slash at its end: links begin with it."""
    metrics: PortalMetrics
    client_ip: ClientIp
    proconnect: "ProConnect | None" = None
    dsfr: "Dsfr | None" = None
    """The files of the State's theme, if that is chosen."""
    demo: Demo | None = None
    """Of a demonstration; None for a portal that serves."""
    now: Callable[[], datetime] = utc_now
    figures: Counted = field(default_factory=Counted)
    more: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    @property
    def is_https(self) -> bool:
        """Whether users reach the portal over TLS."""
        return self.public_url.startswith("https:")

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that reads."""
        return reading(self.engine)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes; pages are made after its end, as they may write what was shown.

        Raises:
            RuntimeError: another one is under way here; on SQLite each would wait for the other.
        """
        if _is_writing.get():
            raise RuntimeError("a transaction that writes is begun within another one")
        before = _is_writing.set(True)
        try:
            with writing(self.engine) as connection:
                yield connection
        finally:
            _is_writing.reset(before)


def client_of(request: HTTPConnection) -> str:
    """The address of the client of a request."""
    peer = None if request.client is None else request.client.host
    headers = [(name.lower(), value) for name, value in request.scope["headers"]]
    return services(request).client_ip.of(peer, headers)


def services(request: HTTPConnection) -> Services:
    """What the application of a request was made with."""
    found: Services = request.app.state.services
    return found
