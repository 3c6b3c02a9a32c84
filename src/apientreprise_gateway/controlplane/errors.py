"""Errors of the control plane, as the data plane gives them."""

from collections.abc import Iterable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from apientreprise_gateway.contract.error_forms import OBJECTS
from apientreprise_gateway.contract.errors import Refusal, refuse
from apientreprise_gateway.controlplane.pings import PING, no_such_ping
from apientreprise_gateway.providers.product import Product

_ALLOW: Final = ((b"allow", b"GET, HEAD"),)


class ErrorPages:
    """The answers to calls that are refused, in the form of the page that is called: objects, or its product's own."""

    def __init__(self, products: Iterable[Product]) -> None:
        self._forms = {page.path: page.errors for product in products for page in product.privileges}

    def of(self, path: str, refusal: Refusal) -> Response:
        """The answer to a call of a page that is refused."""
        status, body = self._forms.get(path, OBJECTS).render(refusal, None)
        response = Response(body, status, media_type="application/json")
        response.raw_headers.extend(refusal.headers)
        return response

    async def refused(self, request: Request, refusal: Refusal) -> Response:
        """The answer where a page raises a refusal."""
        return self.of(request.scope["path"], refusal)

    async def not_served(self, request: Request, error: HTTPException) -> Response:
        """The answer where there is no such page."""
        if error.status_code == 404 and request.scope["path"].startswith(PING):
            return no_such_ping()  # a key that not even a route of Starlette's matches: it has a line feed
        # Routing raises 404 and 405 only; the rest is a file that cannot be served, which is no one's business to know.
        return _object(refuse("00405", headers=_ALLOW) if error.status_code == 405 else refuse("00404"))

    async def failed(self, _request: Request, _error: Exception) -> Response:
        """The answer where a page fails."""
        return _object(refuse("00500"))


def _object(refusal: Refusal) -> Response:
    status, body = OBJECTS.render(refusal, None)
    response = Response(body, status, media_type="application/json")
    response.raw_headers.extend(refusal.headers)
    return response
