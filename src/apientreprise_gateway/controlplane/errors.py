"""Errors of the control plane, in the same forms as those of the data plane."""

from collections.abc import Iterable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from apientreprise_gateway.contract.error_forms import OBJECTS
from apientreprise_gateway.contract.errors import Refusal, refuse
from apientreprise_gateway.controlplane.pings import no_such_ping
from apientreprise_gateway.providers.product import KEY, Product

_ALLOW: Final = ((b"allow", b"GET, HEAD"),)


class ErrorPages:
    """The answers to refused calls, in the form of the page that is called: error objects, or that of its product."""

    def __init__(self, products: Iterable[Product]) -> None:
        products = tuple(products)
        self._forms = {page.path: page.errors for product in products for page in product.privileges}
        self._pings = tuple(
            {product.pings.one.partition(KEY)[0] for product in products if product.pings.one.endswith(KEY)}
        )
        """What the path of a ping begins with, where a key may be anything."""

    def of(self, path: str, refusal: Refusal) -> Response:
        """The answer to a refused call of a page."""
        status, body = self._forms.get(path, OBJECTS).render(refusal, None)
        response = Response(body, status, media_type="application/json")
        response.raw_headers.extend(refusal.headers)
        return response

    async def refused(self, request: Request, refusal: Refusal) -> Response:
        """The answer where a page raises a refusal."""
        return self.of(request.scope["path"], refusal)

    async def not_served(self, request: Request, error: HTTPException) -> Response:
        """The answer where there is no such page."""
        if error.status_code == 404 and request.scope["path"].startswith(self._pings):
            return no_such_ping()  # a key that Starlette's route does not match, as it has a line feed
        # Routing raises 404 and 405 only; others come of files that cannot be served, which callers need not know.
        refusal = refuse("00405", headers=_ALLOW) if error.status_code == 405 else refuse("00404")
        return self.of(request.scope["path"], refusal)

    async def failed(self, request: Request, _error: Exception) -> Response:
        """The answer where a page fails."""
        return self.of(request.scope["path"], refuse("00500"))
