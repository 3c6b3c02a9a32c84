"""Finds the planes of the host that is called, where hosts serve one product alone.

Such a host knows the endpoints and pages of its product, and nothing of the others. Any other host serves all.
"""

import re
from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.controlplane.front import Application
from apientreprise_gateway.gateway.planes import Planes
from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.server.application import Respond

_PORT: Final = re.compile(r":\d*\Z")


class Hosts:
    """The planes of every host, in the form of those of one."""

    def __init__(self, every: Planes, planes: Mapping[str, Planes]) -> None:
        """Share what does not depend on the host.

        Args:
            every: the planes of the hosts without a product.
            planes: those of each other host, by its name in small letters.
        """
        self._every = every
        self._planes = planes
        self.admission = every.admission
        self.on_bad_request = every.on_bad_request
        self.takes = every.takes
        """Whether a path is for the data plane on every host."""

    def of(self, scope: Scope) -> Application:
        """The plane that answers a call."""
        return self._of_host(scope).of(scope)

    async def answer(self, scope: Scope, respond: Respond) -> None:
        """Answer a call for the data plane."""
        await self._of_host(scope).answer(scope, respond)

    def _of_host(self, scope: Scope) -> Planes:
        host = _PORT.sub("", self._every.origin.host_of(scope)).rstrip(".").lower()
        return self._planes.get(host, self._every)
