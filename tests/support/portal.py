"""A portal in the process of the tests, and a browser without scripts that keeps cookies."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any, Final

import httpx
import uvicorn
from sqlalchemy import Engine

from apientreprise_gateway.accounts.model import Contact
from apientreprise_gateway.accounts.repository import upsert_user
from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.portal import sessions
from apientreprise_gateway.portal.app import Portal
from apientreprise_gateway.portal.dsfr import Dsfr
from apientreprise_gateway.portal.login import proconnect
from apientreprise_gateway.portal.metrics import PortalMetrics
from apientreprise_gateway.portal.sealing import Sealer
from apientreprise_gateway.portal.services import Demo, Services
from apientreprise_gateway.portal.settings import Theme, load
from apientreprise_gateway.providers.products import PRODUCTS
from support.stores import until

KEY: Final = "a secret of the tests that is long enough"
URL: Final = "https://portail.test"
OPERATOR: Final = "operatrice@portail.test"
AUDITOR: Final = "auditeur@portail.test"
_CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **parts: float) -> None:
        """Let time pass, such as `minutes=16`."""
        self.time += timedelta(**parts)


class _InProcess(httpx.BaseTransport):
    """Has an ASGI application answer, in a loop of its own for each request."""

    def __init__(self, app: Portal) -> None:
        self._inner = httpx.ASGITransport(app, client=("192.0.2.7", 4711))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._ask(request))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        whole = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await self._inner.handle_async_request(whole)
        content = b"".join([part async for part in answer.aiter_raw()])
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


class Site:
    """A portal, as one browser uses it; redirects are not followed."""

    def __init__(self, portal: Portal, clock: Clock, *, url: str = URL) -> None:
        self.portal = portal
        self.clock = clock
        self.services = portal.services
        self.url = url
        self.client = httpx.Client(transport=_InProcess(portal), base_url=url)

    @property
    def engine(self) -> Engine:
        """The database."""
        return self.services.engine

    def another(self) -> "Site":
        """The same portal in another browser."""
        return Site(self.portal, self.clock, url=self.url)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """A page."""
        return self.client.get(path, **options)

    def text(self, path: str) -> str:
        """What a page says, which must be there."""
        response = self.get(path)
        assert response.status_code == 200, (response.status_code, response.headers.get("location"))
        return unescape(response.text)

    def csrf(self, page: str = "/compte/se-connecter") -> str:
        """What the forms of a page carry."""
        found = _CSRF.search(self.get(page).text)
        assert found is not None, f"{page} has no form"
        return found[1]

    def post(self, path: str, *, page: str | None = None, **fields: Any) -> httpx.Response:
        """Send a form, as it is on a page: that of the login, or of the account of somebody who is logged in."""
        page = page or ("/compte" if "session" in "".join(self.client.cookies.keys()) else "/compte/se-connecter")
        return self.client.post(path, data={"csrf": self.csrf(page), **fields})

    def log_in(self, email: str, *, via: str = "mail", **names: str) -> str:
        """Begin a session of a person, as a login does; returns the person's id."""
        now = self.services.now()
        with writing(self.engine) as connection:
            user = upsert_user(connection, Contact(email=email, **names), now)
            secret, _ = sessions.begin(connection, user.id, via=via, now=now)
        self.bring(secret)
        return user.id

    def bring(self, secret: str) -> None:
        """Have the browser bring the cookie of a session, its own or a stolen one."""
        self.client.cookies.set(self.cookie, secret, domain=httpx.URL(self.url).host, path="/")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return "__Host-session" if self.services.is_https else "session"


def make_site(
    engine: Engine, *, demo: Demo | None = None, url: str = URL, settings: Mapping[str, Any] | None = None, **more: Any
) -> Site:
    """A portal over a migrated database, with a clock that stands still; `settings` as `load` takes them."""
    given = {"secret_keys": KEY, "operators": OPERATOR, "auditors": AUDITOR, **(settings or {})}
    loaded, clock = load(**given), Clock()
    services = Services(
        settings=loaded,
        engine=engine,
        sealer=Sealer(loaded.secret_keys),
        products=PRODUCTS,
        public_url=url,
        metrics=PortalMetrics(),
        client_ip=ClientIp(trusted_proxies=loaded.trusted_proxies),
        demo=demo,
        proconnect=proconnect.make(loaded),
        dsfr=Dsfr(loaded.dsfr) if loaded.theme is Theme.DSFR else None,
        now=clock,
        **more,
    )
    return Site(Portal(services, loops=()), clock, url=url)


@contextmanager
def served(engine: Engine, **options: Any) -> Iterator[Site]:
    """A portal on a port of this machine, for a browser, until the end of the block; `options` as for `make_site`."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        site = make_site(engine, url=f"http://127.0.0.1:{bound.getsockname()[1]}", **options)
        # An ordinary server, as its loop runs in a thread here.
        config = uvicorn.Config(site.portal, log_config=None, lifespan="off", ws="none", http="h11", loop="asyncio")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            until(lambda: server.started, "the portal does not start")
            yield site
        finally:
            server.should_exit = True
            thread.join()
