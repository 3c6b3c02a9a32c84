"""Calls to API Sirene.

It answers with one legal unit, with one establishment, or with the establishments and links that a search finds. For a
unit that was registered twice (`doublon`) it answers 301 with the number that remains, which is then asked for. Only
that number is read from the URL in a 301; no URL from an answer is ever called.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlencode

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.identifiers import is_siren
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.dialects.sirene_3_11.fields import Fields, MalformedAnswerError, digits, entries, fields
from apientreprise_gateway.upstream.reading import content_of, failure, refusal
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.source import Get, ProviderRequest

MOST_LINKS: Final = 1000
"""Links that a search returns at most; an establishment has only a few."""
_MOVED: Final = 301
_SEVERAL_HEAD_OFFICES: Final = "01501"
_SIREN: Final = re.compile(r"(?<!\d)\d{9}(?!\d)", re.ASCII)


class Found(NamedTuple):
    """A legal unit or an establishment in an answer of Sirene."""

    of: Fields
    replaced: str | None = None
    """The number that was asked for, if another has replaced it; else None."""


async def unite_legale(request: ProviderRequest, get: Get) -> Found:
    """The legal unit of a SIREN, with its periods."""
    (siren,) = request.values
    answer = await get(f"/siren/{siren}")
    if answer.status != _MOVED:
        return Found(fields(_content(request.route, answer), "uniteLegale"))
    answer = await get(f"/siren/{_remaining(answer, instead_of=siren)}")
    return Found(fields(_content(request.route, answer), "uniteLegale"), replaced=siren)


async def etablissement(request: ProviderRequest, get: Get) -> Found:
    """The establishment of a SIRET; if its unit was replaced, the head office of the unit that remains."""
    (siret,) = request.values
    answer = await get(f"/siret/{siret}")
    if answer.status != _MOVED:
        return Found(fields(_content(request.route, answer), "etablissement"))
    return Found(await head_office(request.route, get, _remaining(answer, instead_of=siret[:9])), replaced=siret)


async def siege(request: ProviderRequest, get: Get) -> Found:
    """The head office of a SIREN.

    A search finds nothing for a unit that may not be published or was replaced; then the unit itself is asked for.
    """
    (siren,) = request.values
    try:
        return Found(await head_office(request.route, get, siren))
    except Refusal as refused:
        if refused.status != 404:
            raise
    unit = await unite_legale(request, get)
    if unit.replaced is None:
        raise failure(request.route, 404)
    return Found(await head_office(request.route, get, digits(unit.of, "siren", 9)))


async def head_office(route: Route, get: Get, siren: str) -> Fields:
    """The establishment that is the head office of a legal unit.

    Raises:
        Refusal: there is none, or more than one.
    """
    answer = await get(_search("/siret", f"siren:{siren} AND etablissementSiege:true"))
    found = entries(_content(route, answer), "etablissements")
    if not found:
        raise failure(route, 404)
    if len(found) > 1:
        raise route.provider.own_error(_SEVERAL_HEAD_OFFICES, status=502)
    return found[0]


async def links(request: ProviderRequest, get: Get) -> list[Fields]:
    """The links of succession in which an establishment is the predecessor or the successor."""
    (siret,) = request.values
    either = f"siretEtablissementPredecesseur:{siret} OR siretEtablissementSuccesseur:{siret}"
    content = _content(request.route, await get(_search("/siret/liensSuccession", either, nombre=str(MOST_LINKS))))
    found = entries(content, "liensSuccession")
    total = fields(content, "header").get("total", len(found))
    if total != len(found):
        raise MalformedAnswerError("total")  # an incomplete list must not be passed on as complete
    return found


def _search(path: str, query: str, **parameters: str) -> str:
    return f"{path}?{urlencode({'q': query, **parameters}, quote_via=quote)}"


def _content(route: Route, answer: Response) -> object:
    if answer.status != 200:
        raise failure(route, answer.status)
    content = content_of(answer)
    if content is None:
        raise refusal(route, "999")
    return content


def _remaining(answer: Response, *, instead_of: str) -> str:
    """The SIREN in the URL of a redirection, in its path or in its search."""
    numbers: set[str] = {number for number in _SIREN.findall(unquote(answer.location)) if is_siren(number)} - {
        instead_of
    }
    if len(numbers) != 1:
        raise MalformedAnswerError("Location")
    return numbers.pop()
