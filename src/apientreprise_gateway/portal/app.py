"""The portal as an ASGI application: its pages, what they share, and what it does besides answering."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import quote

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.database.engine import DatabaseError
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.portal import dsfr, static, webhooks
from apientreprise_gateway.portal.background import LOOPS, Loop
from apientreprise_gateway.portal.forms import guarded
from apientreprise_gateway.portal.login import mail_link, proconnect
from apientreprise_gateway.portal.login import pages as login
from apientreprise_gateway.portal.login.entering import LOGIN
from apientreprise_gateway.portal.pages import (
    account,
    admin,
    attestations,
    catalogue,
    editors,
    guide,
    habilitation_settings,
    habilitations,
    hand_over,
    health,
    home,
    information,
    mailbox,
    published,
    request_form,
    statistics,
    status,
    status_admin,
    status_subscriptions,
    support,
    tokens,
    transfers,
)
from apientreprise_gateway.portal.refusals import BY_STATUS, LoginNeeded, Missing, Refusal, Unavailable, Unreadable
from apientreprise_gateway.portal.rendering import page, prepare
from apientreprise_gateway.portal.security import POLICY, POLICY_DSFR, Envelope
from apientreprise_gateway.portal.services import Services
from apientreprise_gateway.server.application import ConnectionHooks

THREADS: Final = 16
"""Pages of a process that are made at the same time; each may hold a connection of the database."""
PAGES: Final[Sequence[APIRouter]] = (
    home.router,
    catalogue.router,
    guide.router,
    information.router,
    support.router,
    login.router,
    mail_link.router,
    account.router,
    habilitations.router,
    habilitation_settings.router,
    tokens.router,
    request_form.router,
    statistics.router,
    attestations.router,
    transfers.router,
    editors.router,
    published.router,
    *admin.ROUTERS,
    hand_over.router,
    status_subscriptions.router,
    status_admin.router,
)
"""Pages; what is posted to them is checked to come from a page of ours."""
OPEN: Final[Sequence[APIRouter]] = (
    static.router,
    dsfr.router,
    health.router,
    status.router,
    status_subscriptions.one_click,
)
"""What other programs ask: without forms of ours, cookies and sessions."""
MADE: Final[Sequence[Callable[[Services], APIRouter]]] = (webhooks.router_of,)
"""What other programs ask, where the routes are made with what the portal has."""


class Portal:
    """The application, as the server runs it."""

    hooks = ConnectionHooks()
    stop_timeout = 20.0
    """Seconds that a stop may take."""

    def __init__(self, services: Services, *, loops: Sequence[tuple[str, Loop]] = LOOPS) -> None:
        """Put it together; nothing runs before the server starts it."""
        prepare()
        self.services = services
        self._loops = loops
        self._faults = FaultLog()
        self.app = self._make()
        self._served = Envelope(
            self.app,
            https=services.is_https,
            policy=POLICY if services.dsfr is None else POLICY_DSFR,
            metrics=services.metrics,
            faults=self._faults,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer through ASGI."""
        await self._served(scope, receive, send)

    def _make(self) -> FastAPI:
        app = FastAPI(lifespan=self._lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        app.state.services = self.services
        demo = () if self.services.demo is None else (login.demo_router, mailbox.router)
        extra = (proconnect.make_router(self.services), *demo)
        for each in (*PAGES, *extra):
            app.include_router(each, dependencies=[Depends(guarded)])
        for each in (*OPEN, *(make(self.services) for make in MADE)):
            app.include_router(each)
        app.add_exception_handler(Refusal, _refused)
        app.add_exception_handler(LoginNeeded, _to_login)
        app.add_exception_handler(DatabaseError, self._without_database)
        app.add_exception_handler(HTTPException, _http_error)
        app.add_exception_handler(RequestValidationError, _not_understood)
        return app

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        background = Background(self.services.metrics.failures.labels)
        tasks = [background.keep(name, _bound(loop, self.services)) for name, loop in self._loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    def _without_database(self, request: Request, error: Exception) -> Response:
        if isinstance(error, DatabaseError) and error.is_of_data:  # it works; no object has such a name
            self._faults.tell("database_refused", error, request_id=request.state.request_id)
            return _refused(request, Missing() if request.method in ("GET", "HEAD") else Unreadable())
        self._faults.tell("database_failed", error, request_id=request.state.request_id)
        request.state.visitor = None
        return _refused(request, Unavailable())


def _bound(loop: Loop, services: Services) -> Callable[[], Awaitable[None]]:
    return lambda: loop(services)


def _refused(request: Request, error: Any) -> Response:
    refusal: Refusal = error
    response = page(request, "error.html", status=refusal.status, refusal=refusal)
    if refusal.status in (429, 503):
        response.headers["Retry-After"] = "60" if refusal.status == 503 else "3600"
    return response


def _to_login(request: Request, error: Any) -> Response:
    needed: LoginNeeded = error
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    where = back if request.method in ("GET", "HEAD") else "/compte"
    again = "&recent=1" if needed.fresh else ""
    return RedirectResponse(f"{LOGIN}?vers={quote(where, safe='')}{again}", 303)


def _http_error(request: Request, error: Any) -> Response:
    refusal = BY_STATUS.get(error.status_code, Refusal)()
    refusal.status = error.status_code
    response = _refused(request, refusal)
    response.headers.update(error.headers or {})
    return response


def _not_understood(request: Request, _error: Any) -> Response:
    return _refused(request, Missing())
