"""The two cookies: that of a session, and that of a visit without one.

Their names begin with `__Host-` where the portal is reached over TLS: a browser then takes them from this host alone.
"""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.sessions import LIFE, is_secret

_SESSION: Final = "session"
_VISIT: Final = "visite"


def session_secret(request: HTTPConnection) -> str | None:
    """What the cookie of a session holds."""
    return _read(request, _SESSION)


def visit_secret(request: HTTPConnection) -> str | None:
    """What the cookie of a visit holds."""
    return _read(request, _VISIT)


def give_session(request: HTTPConnection, response: Response, secret: str) -> None:
    """Hand the cookie of a new session to the browser, in place of that of its visit."""
    _write(request, response, _SESSION, secret, int(LIFE.total_seconds()))
    take(request, response, _VISIT)


def give_visit(request: HTTPConnection, response: Response, secret: str) -> None:
    """Hand the cookie of a visit to the browser; it is gone when the browser is closed."""
    _write(request, response, _VISIT, secret, None)


def take_session(request: HTTPConnection, response: Response) -> None:
    """Have the browser forget the session."""
    take(request, response, _SESSION)


def take(request: HTTPConnection, response: Response, name: str) -> None:
    """Have the browser forget a cookie."""
    https = services(request).is_https
    response.delete_cookie(_name(request, name), path="/", secure=https, httponly=True, samesite="lax")


def _name(request: HTTPConnection, name: str) -> str:
    return f"__Host-{name}" if services(request).is_https else name


def _read(request: HTTPConnection, name: str) -> str | None:
    value = request.cookies.get(_name(request, name))
    return value if value is not None and is_secret(value) else None


def _write(request: HTTPConnection, response: Response, name: str, secret: str, seconds: int | None) -> None:
    # Lax, not Strict: a link in a mail must find the person logged in. Forms are checked besides.
    response.set_cookie(
        _name(request, name),
        secret,
        max_age=seconds,
        path="/",
        secure=services(request).is_https,
        httponly=True,
        samesite="lax",
    )
