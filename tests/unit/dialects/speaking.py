"""Translations asked straight, with answers that are written down instead of a provider."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.source import ProviderRequest

BASE_URL = "https://passerelle.exemple.test"
ROUTES = {endpoint.operation: Route(endpoint, provider) for provider in PROVIDERS for endpoint in provider.endpoints}


def said(content: Any, *, status: int = 200, location: str = "") -> Response:
    """An answer in JSON."""
    return Response(status, "application/json;charset=utf-8", orjson.dumps(content), location)


@dataclass
class Provider:
    """What answers, target by target, and what it was asked."""

    answers: Mapping[str, Response] = field(default_factory=dict)
    otherwise: Response = field(default_factory=lambda: said({"header": {"statut": 404}}, status=404))
    asked: list[str] = field(default_factory=list)

    async def get(self, target: str) -> Response:
        """Answer a call."""
        self.asked.append(target)
        return self.answers.get(target, self.otherwise)


def ask(operation: str, number: str, provider: Provider, **query: str) -> ProviderAnswer:
    """Ask an operation about a number, in the language that is not ours."""
    route = ROUTES[operation]
    (translations,) = DIALECTS[route.provider.key].values()
    request = ProviderRequest(route, target="", values=[number], query=query, request_id="essai", base_url=BASE_URL)
    return asyncio.run(_asked(translations[operation], request, provider))


async def _asked(translation: Any, request: ProviderRequest, provider: Provider) -> ProviderAnswer:
    answer: ProviderAnswer = await translation(request, provider.get)
    return answer


def endpoint_of(operation: str) -> Endpoint:
    """The endpoint that has a name."""
    return ROUTES[operation].endpoint
