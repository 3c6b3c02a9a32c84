"""The operations of INSEE, as translations to and from API Sirene.

An answer that is not as Sirene documents it becomes the error for that, wherever it is noticed.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson

from apientreprise_gateway.dialects.sirene_3_11 import adresse as addresses
from apientreprise_gateway.dialects.sirene_3_11 import api, diffusion, succession, v2
from apientreprise_gateway.dialects.sirene_3_11 import etablissement as establishments
from apientreprise_gateway.dialects.sirene_3_11 import unite_legale as units
from apientreprise_gateway.dialects.sirene_3_11.api import Found
from apientreprise_gateway.dialects.sirene_3_11.fields import Fields, MalformedAnswerError, digits, fields
from apientreprise_gateway.upstream.reading import ProviderAnswer, failure, moved, refusal
from apientreprise_gateway.upstream.source import Get, ProviderRequest, Translation

_ADDRESS_VERSION: Final = 3
"""The only version of the operations on addresses."""
_INCOMPLETE: Final = 206

_Answer = Callable[[ProviderRequest, Get], Awaitable[ProviderAnswer]]


def unite_legale(version: int, *, public: bool = False) -> Translation:
    """The legal unit of a SIREN; with `public`, only what may be made public (here and below)."""

    async def answer(request: ProviderRequest, get: Get) -> ProviderAnswer:
        found = await api.unite_legale(request, get)
        unit = units.flattened(found.of)
        described = units.description(unit, version=version)
        if public:
            _check_public(request, described)
        if public and diffusion.is_masked(described):
            described = diffusion.masked_unit(described)
        siret = described["siret_siege_social"]
        return _answer_of(
            {**described, "date_cessation": units.ended(unit)},
            links={
                "siege_social": _link(request, version, f"etablissements/{siret}"),
                "siege_social_adresse": _link(request, _ADDRESS_VERSION, f"etablissements/{siret}/adresse"),
            },
            meta={"date_derniere_mise_a_jour": units.updated(unit), "redirect_from_siren": found.replaced},
        )

    return _checked(answer)


def siege(version: int, *, public: bool = False) -> Translation:
    """The head office of a SIREN."""
    return _establishment(api.siege, version, public=public)


def etablissement(version: int, *, public: bool = False) -> Translation:
    """The establishment of a SIRET."""
    return _establishment(api.etablissement, version, public=public)


def _establishment(
    ask: Callable[[ProviderRequest, Get], Awaitable[Found]], version: int, *, public: bool
) -> Translation:
    async def answer(request: ProviderRequest, get: Get) -> ProviderAnswer:
        found = await ask(request, get)
        place = establishments.flattened(found.of)
        described = establishments.description(place, version=version)
        if public:
            _check_public(request, described, described["unite_legale"])
        if public and diffusion.is_masked(described, described["unite_legale"]):
            described = diffusion.masked_establishment(described)
        return _answer_of(
            described,
            links={"unite_legale": _link(request, version, f"unites_legales/{described['unite_legale']['siren']}")},
            meta={"date_derniere_mise_a_jour": establishments.updated(place), "redirect_from_siret": found.replaced},
        )

    return _checked(answer)


def adresse(*, public: bool = False) -> Translation:
    """The address of a SIRET."""

    async def answer(request: ProviderRequest, get: Get) -> ProviderAnswer:
        found = await api.etablissement(request, get)
        place = establishments.flattened(found.of)
        described = addresses.description(place)
        unit = units.description(fields(place, "uniteLegale"), version=_ADDRESS_VERSION)
        if public:
            _check_public(request, described, unit)
        if public and diffusion.is_masked(described, unit):
            described = diffusion.masked_address(described)
        return _answer_of(
            described,
            links={
                "unite_legale": _link(request, _ADDRESS_VERSION, f"unites_legales/{unit['siren']}"),
                "etablissement": _link(request, _ADDRESS_VERSION, f"etablissements/{digits(place, 'siret', 14)}"),
            },
            meta={"date_derniere_mise_a_jour": establishments.updated(place)},
        )

    return _checked(answer)


def successions() -> Translation:
    """The predecessors and successors of the establishment of a SIRET."""

    async def answer(request: ProviderRequest, get: Get) -> ProviderAnswer:
        links = await api.links(request, get)
        return _answer_of(succession.description(links, request.values[0]), links={}, meta={})

    return _checked(answer)


def entreprise_v2() -> Translation:
    """The legal unit of a SIREN with its head office, in the form of v2."""

    async def answer(request: ProviderRequest, get: Get) -> ProviderAnswer:
        found = await api.unite_legale(request, get)
        unit = units.flattened(found.of)
        if found.replaced is not None:
            return moved(request.route, digits(unit, "siren", 9))
        seat = establishments.flattened(await api.head_office(request.route, get, request.values[0]))
        _check_asked_for(request, seat)
        company = v2.company(unit, seat)
        if _wants_unpublished(request):
            company["diffusable_commercialement"] = v2.is_fully_public(seat)
        body = {"entreprise": company, "etablissement_siege": v2.establishment(seat), "gateway_error": True}
        return ProviderAnswer(_INCOMPLETE, orjson.dumps(body))

    return _checked(answer)


def etablissement_v2() -> Translation:
    """The establishment of a SIRET, in the form of v2."""

    async def answer(request: ProviderRequest, get: Get) -> ProviderAnswer:
        found = await api.etablissement(request, get)
        place = establishments.flattened(found.of)
        if found.replaced is not None:
            return moved(request.route, digits(place, "siret", 14))
        _check_asked_for(request, place)
        return ProviderAnswer(200, orjson.dumps({"etablissement": v2.establishment(place), "gateway_error": False}))

    return _checked(answer)


def _checked(answer: _Answer) -> Translation:
    """A translation that turns `MalformedAnswerError` into the provider's error."""

    async def translation(request: ProviderRequest, get: Get) -> ProviderAnswer:
        try:
            return await answer(request, get)
        except MalformedAnswerError:
            raise refusal(request.route, "999") from None

    return translation


def _answer_of(data: dict[str, Any], *, links: dict[str, str], meta: dict[str, Any]) -> ProviderAnswer:
    return ProviderAnswer(200, orjson.dumps({"data": data, "links": links, "meta": meta}))


def _link(request: ProviderRequest, version: int, path: str) -> str:
    return f"{request.base_url}/v{version}/insee/sirene/{path}"


def _check_public(request: ProviderRequest, *descriptions: dict[str, Any]) -> None:
    """Refuse with 404 a unit or establishment that may not be made public, as the published API does."""
    if diffusion.is_hidden(*descriptions):
        raise failure(request.route, 404)


def _wants_unpublished(request: ProviderRequest) -> bool:
    """Whether a call to v2 also asks for units that object to publication."""
    return request.query.get("non_diffusables") == "true"


def _check_asked_for(request: ProviderRequest, place: Fields) -> None:
    """Refuse a call to v2 for an establishment that objects to publication, unless the call asks for those too."""
    if not (_wants_unpublished(request) or v2.is_fully_public(place)):
        raise refusal(request.route, "005")
