"""The pages of pings in OpenAPI."""

from typing import Final

from apientreprise_gateway.contract.error_forms import OBJECTS, ErrorForm
from apientreprise_gateway.controlplane.openapi.components import Json
from apientreprise_gateway.controlplane.openapi.schemas import body_of
from apientreprise_gateway.controlplane.paths import ALIVE
from apientreprise_gateway.pings.board import Status
from apientreprise_gateway.providers.product import KEY, Product

TAG: Final = "Disponibilité"


def too_many(form: ErrorForm = OBJECTS) -> Json:
    """The response to a caller beyond the ceiling; it refers to components of the whole document."""
    return {
        "description": "Plus de 600 appels par minute, de cette adresse, aux pages hors opération (`00907`).",
        "headers": {"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{form.name}"},
                "example": body_of("00907", form),
            }
        },
    }


_INSTANT: Final[Json] = {"type": "string", "format": "date-time"}
SCHEMAS: Final[dict[str, Json]] = {
    "Ping": {
        "type": "object",
        "required": ["status", "last_update", "last_ok_status"],
        "properties": {
            "status": {
                "type": "string",
                "enum": [status.value for status in Status],
                "description": "`ok` : la source répond ; `bad_gateway` : elle ne répond pas, ou mal ; `maintenance` : "
                "une maintenance annoncée est en cours ; `unknown` : aucun appel récent ne permet de le dire.",
            },
            "last_update": {**_INSTANT, "description": "Moment du constat."},
            "last_ok_status": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "Dernier moment où la source a répondu, s'il est connu.",
            },
            "until": {**_INSTANT, "description": "Fin prévue de la maintenance en cours."},
        },
    },
    "Pings": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name", "url"],
            "properties": {
                "name": {"type": "string", "description": "Nom de la source de données."},
                "url": {"type": "string", "format": "uri-reference", "description": "Adresse de son `Ping`."},
            },
        },
    },
}
"""The schemas that `paths` refers to."""


def paths(product: Product) -> dict[str, Json]:
    """The operations, by path, for the pings of a product."""
    found = {product.pings.index: {"get": _index(_listed(product))}}
    pings = [ping for provider in product.providers for ping in provider.pings]
    is_probed = any(ping.probed for ping in pings)
    if pings and product.pings.one.endswith(KEY):
        keys = [ping.key.split("/", 1) for ping in pings]
        found[product.pings.one.replace(KEY, "{provider}/{source}")] = {
            "get": _ping(*_of_two_parts(keys), is_probed=is_probed)
        }
    elif pings:
        names = "".join(f"\n- `{ping.key}` : {ping.name}" for ping in pings)
        schema = {"type": "string", "enum": [ping.key for ping in pings]}
        key = _parameter(KEY[1:-1], f"Source :\n{names}", schema, pings[0].key)
        found[product.pings.one] = {"get": _ping(key, is_probed=is_probed)}
    return found | {product.pings.alive: {"get": _alive(product.pings.alive)}}


def _open(name: str, summary: str, description: str, responses: Json, *parameters: Json) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "description": f"{description} Sans jeton, hors traçabilité et hors limites d'appels par jeton.",
        "tags": [TAG],
        "security": [],
        "parameters": list(parameters),
        "responses": responses | {"429": too_many()},
    }


def _index(listed: list[Json]) -> Json:
    return _open(
        "pings",
        "Sources de données dont la disponibilité peut être demandée",
        "Le nom de chaque source et l'adresse qui dit si elle répond.",
        {"200": _json("La liste.", "Pings", listed)},
    )


def _of_two_parts(keys: list[list[str]]) -> tuple[Json, Json]:
    """The parameters of keys that are a provider and its source."""
    return (
        _parameter(
            "provider", "Fournisseur.", {"type": "string", "enum": sorted({key[0] for key in keys})}, keys[0][0]
        ),
        _parameter(
            "source",
            "Source : "
            + ", ".join(f"`{source}` ({provider})" for provider, source in keys)
            + ". Les barres obliques s'écrivent telles quelles.",
            {"type": "string", "minLength": 1},
            keys[0][1],
        ),
    )


_BY_PROBES: Final = "Dit si une source répond, d'après les appels récents ou, à défaut, un appel d'essai."
_BY_CALLS: Final = (
    "Dit si une source répond, d'après les appels récents : aucune personne n'est inventée pour un appel d'essai."
)


def _ping(*parameters: Json, is_probed: bool) -> Json:
    return _open(
        "ping",
        "Disponibilité d'une source de données",
        f"{_BY_PROBES if is_probed else _BY_CALLS} La réponse est gardée en mémoire quelques minutes.",
        {
            "200": _json("`ok`, `unknown` ou `maintenance`.", "Ping", _ping_said(Status.OK)),
            "502": _json("`bad_gateway`.", "Ping", _ping_said(Status.BAD)),
            "404": {
                "description": "Cette source n'existe pas.",
                "content": {"application/json": {"schema": {"type": "object", "maxProperties": 0}, "example": {}}},
            },
        },
        *parameters,
    )


def _alive(path: str) -> Json:
    summary, responses = "La passerelle répond", {"200": {"description": "Elle répond."}}
    if path != ALIVE:
        return _open("alive", summary, "Réponse vide.", responses)
    return _open(
        "alive",
        summary,
        "Réponse vide, quelle que soit la version.",
        responses | {"404": _json("Cette version n'existe pas.", "Erreurs", body_of("00402"))},
        _parameter("version", "Version de l'API.", {"type": "integer", "minimum": 1, "maximum": 9999}, 3),
    )


def _parameter(name: str, description: str, schema: Json, example: object) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def _json(description: str, schema: str, example: object) -> Json:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}},
    }


def _listed(product: Product) -> list[Json]:
    """The first entries of the list of pings."""
    pings = [ping for provider in product.providers for ping in provider.pings]
    return [{"name": ping.name, "url": product.pings.of(ping)} for ping in pings[:2]]


def _ping_said(status: Status) -> Json:
    """What a ping says, as an example."""
    return {
        "status": status.value,
        "last_update": "2026-01-15T08:00:00+00:00",
        "last_ok_status": "2026-01-15T07:59:30+00:00",
    }
