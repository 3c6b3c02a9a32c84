"""The OpenAPI 3.1 document of a catalogue.

Everything in it is derived: endpoints and their parameters from the catalogue, statuses, codes and error examples from
the tables of `errors`. What repeats is a component, written once. Texts are in French, for those who call the API.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import orjson
import yaml

from apientreprise_gateway import __version__
from apientreprise_gateway.contract import traceability
from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS, Source
from apientreprise_gateway.contract.documents import Document
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.contract.errors import (
    FLAT_VERSION,
    ApiError,
    Refusal,
    gateway_error,
    network_error,
    provider_error,
    refuse,
    render,
)
from apientreprise_gateway.contract.parameters import SIRET, Parameter, ParameterKind
from apientreprise_gateway.controlplane import description
from apientreprise_gateway.controlplane import ping_description as pings
from apientreprise_gateway.providers.dossier import MAX_RESOURCES, RESOURCES
from apientreprise_gateway.providers.entreprise.dossier import DOSSIER
from apientreprise_gateway.providers.entreprise.introspection import INTROSPECTION
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS

Json = dict[str, Any]

BEARER: Final = "jeton"
"""The security scheme of the `Authorization` header."""
JSON_TYPE: Final = "application/json"
JSON_API_TYPE: Final = "application/vnd.api+json"

NO_SCOPES: Final = "aucun (tout jeton valide)"
"""What stands for the scopes of an endpoint that has none."""
_PRIVILEGES_TAG: Final = "Jeton"
_TOO_MANY: Final = "00429"
# The published ranges: 002xx is traceability, 003xx the parameters, 004xx the request as such.
_NOT_KEPT: Final = "00502"
_OF_REQUESTS: Final = ("00907", "00909")
"""Errors of ours about a request as such, or about one that names no operation of the data plane."""
_OF_SOME: Final = frozenset({_NOT_KEPT, "00902", "00903", *_OF_REQUESTS})
"""Errors of other ranges, and of ours, that not every operation may answer with."""
EVERYWHERE: Final = tuple(
    code
    for code in GATEWAY_ERRORS
    if code == _TOO_MANY or (code not in _OF_SOME and not code.startswith(("002", "003", "004")))
)
"""The gateway's own errors that any operation may answer with, whatever its parameters."""
OFF_OPERATION: Final = (
    *(code for code in sorted(GATEWAY_ERRORS) if code.startswith("004") and code != _TOO_MANY),
    *_OF_REQUESTS,
)
"""Errors of requests that name no operation, which OpenAPI has no place for."""
_TOKEN_REFUSED: Final = tuple(code for code, kind in GATEWAY_ERRORS.items() if kind.status == 401)

_DESCRIPTION: Final = """\
Une seule API devant les fournisseurs de données publics.

**Jeton.** Chaque appel porte un jeton : `Authorization: Bearer …`. Le paramètre `token`, usage de la v2, reste accepté.
Chaque opération dit quels droits l'ouvrent ; un seul suffit. `/privileges` donne ceux de votre jeton.

**Traçabilité.** Chaque appel dit pour qui et pourquoi il est fait : `context`, `object` et `recipient` sont
obligatoires, et `user_id` aussi là où il figure. Chaque appel est enregistré.

**Versions.** Elles coexistent. À partir de la v3, un succès a la forme `{data, links, meta}` et une erreur la forme
`{errors: [{code, title, detail, source, meta}]}` ; en v2, le corps est à plat et les erreurs sont de simples textes.
Seules les méthodes GET et HEAD existent.

**Limites d'appels.** Elles se comptent par jeton, par groupe d'opérations et par minute. Les en-têtes
`RateLimit-Limit`, `RateLimit-Remaining` et `RateLimit-Reset` disent où vous en êtes ; au-delà, la réponse est 429 et
`Retry-After` dit combien de secondes attendre. Une adresse IP qui appelle beaucoup trop, ou qui insiste malgré les
réponses 429, est bannie pendant 12 heures : ses connexions sont fermées sans réponse ou, selon la passerelle, elle
reçoit une erreur 403.

**Documents.** Une opération qui donne un document en donne l'adresse, et les secondes pendant lesquelles elle vaut (24
heures, sauf réglage de cette passerelle ou mention contraire). Le lien se suffit : il se télécharge sans jeton, et ne
compte dans aucune limite. Qui a le lien a le document : ne le confiez qu'à qui peut le lire. GET, HEAD et `Range` sont
acceptés ; passé le délai, la réponse est 410 `00403`.

**Erreurs hors opération.**

"""


def document(providers: Iterable[Provider]) -> Json:
    """The OpenAPI document of what these providers offer.

    Args:
        providers: in the order in which their endpoints are to appear.

    Returns:
        Plain dictionaries and lists, the same for the same catalogue.
    """
    components = _Components()
    providers = tuple(providers)
    pairs = [(endpoint, provider) for provider in providers for endpoint in provider.endpoints]
    paths = {endpoint.path: {"get": _operation(endpoint, provider, components)} for endpoint, provider in pairs}
    paths[DOSSIER.endpoint.path] = {"get": _dossier([endpoint for endpoint, _ in pairs], components)}
    paths["/privileges"] = {"get": _privileges(components)}
    paths[INTROSPECTION.path] = {"get": _introspection(components)}
    paths |= description.paths([*(endpoint.operation for endpoint, _ in pairs), DOSSIER.endpoint.operation])
    paths |= pings.paths(providers)
    components.sections["schemas"] |= pings.SCHEMAS | description.SCHEMAS
    tags = dict.fromkeys(
        [*(endpoint.tag for endpoint, _ in pairs), DOSSIER.endpoint.tag, _PRIVILEGES_TAG, description.TAG, pings.TAG]
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "API Entreprise", "version": __version__, "description": _description()},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "security": [{BEARER: []}, {"jeton_v2": []}],
        "paths": paths,
        "components": {"securitySchemes": _security_schemes(), **components.sections},
    }


def to_yaml(document: Json) -> str:
    """The document as YAML, without anchors so that it reads like a file written by hand."""
    return yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    _NUMBER_LIKE = re.compile(r"[-+.]?\d[\d_.eE+-]*")

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # PyYAML follows YAML 1.1, where 00429 is a text; to a 1.2 reader, such as a browser's, it is the number 429.
        style = "'" if self._NUMBER_LIKE.fullmatch(data) else "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


class _Components:
    """The shared parts of a document."""

    def __init__(self) -> None:
        self.sections: dict[str, Json] = {}

    def refer(self, section: str, key: str, value: Json) -> Json:
        """Keep a part under a name, and return the reference to it."""
        kept = self.sections.setdefault(section, {}).setdefault(key, value)
        if kept != value:
            raise ValueError(f"two different {section} are named {key}")
        return {"$ref": f"#/components/{section}/{key}"}


def _description() -> str:
    lines = [f"- {GATEWAY_ERRORS[code].status} `{code}` : {GATEWAY_ERRORS[code].detail}" for code in OFF_OPERATION]
    return _DESCRIPTION + "\n".join(lines) + "\n"


def _security_schemes() -> Json:
    return {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "Le jeton, dans l'en-tête `Authorization`.",
        },
        "jeton_v2": {
            "type": "apiKey",
            "in": "query",
            "name": "token",
            "description": "Le jeton dans l'adresse, usage de la v2. Préférez l'en-tête : une adresse se retrouve dans "
            "les journaux des intermédiaires.",
        },
    }


def _operation(endpoint: Endpoint, provider: Provider, components: _Components) -> Json:
    scopes = " ou ".join(f"`{scope}`" for scope in endpoint.scopes) or NO_SCOPES
    ping = provider.ping_of(endpoint.operation)
    operation: Json = {
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "description": f"{SCHEMAS.descriptions[endpoint.operation]}\n\n"
        f"Fournisseur : {provider.name}. Droit requis : {scopes}. "
        f"Compteur d'appels : `{endpoint.group.name}`. Attente conseillée : {endpoint.client_timeout} s."
        + (f" Réponse conservée {endpoint.cache.text}, si la passerelle en conserve." if endpoint.cache else "")
        + (f" Disponibilité : `{pings.address_of(ping)}`." if ping else ""),
        "tags": [endpoint.tag],
        "parameters": list(_parameters(endpoint, components)),
        "responses": {**_successes(endpoint, components), **_failures(endpoint, provider, components)},
    }
    if endpoint.document is not None:
        operation["description"] += f"\n\n{_kept(endpoint.document)}"
    if endpoint.deprecated:
        operation["deprecated"] = True
    return operation


def _kept(document: Document) -> str:
    """What is to be known of an operation's document."""
    kinds = " ou ".join(kind.upper() for kind in document.kinds)
    seconds = f" pendant {document.seconds} secondes" if document.seconds else ""
    none = " Il peut ne pas y en avoir : l'adresse est alors nulle ou absente." if document.optional else ""
    return f"Document ({kinds}) : `{document.address[-1]}` le donne sans jeton{seconds}.{none}"


# Parameters


def _parameters(endpoint: Endpoint, components: _Components) -> Iterator[Json]:
    for parameter in endpoint.parameters:
        yield _own_parameter("path", parameter, components)
    for name in _required(endpoint):
        yield _traceability_parameter(name, endpoint, components)
    for parameter in endpoint.query:
        yield _own_parameter("query", parameter, components)
    yield components.refer("parameters", "X-Request-Id", _REQUEST_ID)
    if endpoint.cache is not None:
        yield components.refer("parameters", "Cache-Control", _CACHE_CONTROL)


def _own_parameter(place: str, parameter: Parameter, components: _Components) -> Json:
    kind = parameter.kind
    value = {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "description": kind.description,
        "schema": dict(kind.schema),
    }
    if kind.example:
        value["example"] = _example(kind)
    return components.refer("parameters", f"{place}-{_key(parameter)}", value)


def _key(parameter: Parameter) -> str:
    """What a parameter is called among the components."""
    name, kind = parameter.name, parameter.kind.name
    return name if name == kind else f"{name}-{kind}"


def _example(kind: ParameterKind) -> object:
    """A kind's example, of the type that its schema gives."""
    match kind.schema.get("type"):
        case "integer":
            return int(kind.example)
        case "boolean":
            return kind.example == "true"
        case _:
            return kind.example


_TRACEABILITY: Final = {
    "context": ("Cadre de la demande : la démarche ou la procédure.", "Aide publique"),
    "object": ("Objet de la demande : le dossier ou le marché concerné.", "Dossier 2024-001"),
    "recipient": ("SIRET de l'administration destinataire des données.", SIRET.example),
    "recipient-v2": ("Bénéficiaire de la demande : SIRET ou nom.", "Direction interministérielle du numérique"),
    "user_id": (
        "Agent à l'origine de la demande. Selon le réglage de cette passerelle, il peut ne pas être exigé.",
        "agent-42",
    ),
}
"""Description and example of each traceability parameter."""

_REQUEST_ID: Final[Json] = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "Votre identifiant de l'appel. Bien formé, il est repris dans la réponse et dans les traces.",
    "schema": {"type": "string"},
}


_CACHE_CONTROL: Final[Json] = {
    "name": "Cache-Control",
    "in": "header",
    "required": False,
    "description": "`no-cache` pour que le fournisseur soit interrogé, même si une réponse est conservée.",
    "schema": {"type": "string"},
    "example": "no-cache",
}


def _traceability_parameter(name: str, endpoint: Endpoint, components: _Components) -> Json:
    key = "recipient-v2" if name == "recipient" and endpoint.flat else name
    description, example = _TRACEABILITY[key]
    value = {
        "name": name,
        "in": "query",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
        "example": example,
    }
    return components.refer("parameters", key, value)


# Answers


_SCHEMAS: Final[dict[str, Json]] = {
    "Erreurs": {
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["code", "title", "detail", "meta"],
                    "properties": {
                        "code": {
                            "type": "string",
                            "pattern": "^[0-9]{5}$",
                            "description": "Deux chiffres pour l'origine (00 : la passerelle), trois pour l'erreur.",
                        },
                        "title": {"type": "string"},
                        "detail": {"type": "string"},
                        "source": {
                            "type": "object",
                            "description": "Le paramètre ou l'en-tête en cause, s'il y en a un.",
                            "properties": {"parameter": {"type": "string"}, "header": {"type": "string"}},
                        },
                        "meta": {
                            "type": "object",
                            "properties": {
                                "provider": {"type": "string", "description": "Le fournisseur en cause."},
                                "retry_in": {"type": "integer", "description": "Secondes avant de réessayer."},
                            },
                        },
                    },
                },
            }
        },
    },
    "ErreursV2": {
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {"type": "array", "minItems": 1, "items": {"type": "string"}},
            "gateway_error": {
                "type": "boolean",
                "description": "`true` sur trois opérations de l'INSEE et de CMA France : avec un 404, un 422 dû au "
                "numéro et tout 5xx.",
            },
        },
    },
    "Dossier": {
        "type": "object",
        "required": ["data", "links", "meta"],
        "properties": {
            "data": {
                "type": "object",
                "description": "La réponse de chaque ressource, sous le nom par lequel elle a été demandée.",
                "additionalProperties": {
                    "type": "object",
                    "required": ["status", "headers"],
                    "properties": {
                        "status": {"type": "integer", "description": "Celui de l'appel que la ressource remplace."},
                        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                        "data": {"description": "Comme dans la réponse de la ressource."},
                        "links": {"type": "object"},
                        "meta": {"type": "object"},
                        "errors": {"$ref": "#/components/schemas/Erreurs/properties/errors"},
                    },
                },
            },
            "links": {"type": "object"},
            "meta": {
                "type": "object",
                "required": ["siret", "ressources", "ressources_obtenues"],
                "properties": {
                    "siret": {"type": "string"},
                    "ressources": {"type": "integer", "description": "Nombre de ressources demandées."},
                    "ressources_obtenues": {
                        "type": "integer",
                        "description": "Nombre de celles qui ont le statut 200.",
                    },
                },
            },
        },
    },
    "Privileges": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {
                "type": "object",
                "required": ["privileges"],
                "properties": {"privileges": {"type": "array", "items": {"type": "string"}}},
            }
        },
    },
}

_HEADERS: Final[dict[str, Json]] = {
    "X-Request-Id": {"description": "Identifiant de l'appel.", "schema": {"type": "string"}},
    "RateLimit-Limit": {
        "description": "Nombre d'appels permis par minute.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {
        "description": "Nombre d'appels qui restent.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Reset": {
        "description": "Moment, en secondes depuis le 1er janvier 1970 UTC, où le compteur se libère.",
        "schema": {"type": "integer"},
    },
    "Retry-After": {
        "description": "Secondes à attendre avant le prochain appel.",
        "schema": {"type": "integer", "minimum": 1},
    },
}

_CACHE_HEADERS: Final[dict[str, Json]] = {
    "X-Response-Cached": {
        "description": "La réponse a-t-elle été conservée d'un appel antérieur ? Absent si cette passerelle ne "
        "conserve rien.",
        "schema": {"type": "boolean"},
    },
    "X-Cache-Expires-in": {
        "description": "Secondes pendant lesquelles la réponse est conservée ; 0 si elle ne l'est pas.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Cache-Stale": {
        "description": "Présent, et `true`, quand le fournisseur est en panne et que la réponse est la dernière qu'il "
        "ait donnée, périmée depuis. `Age` dit alors depuis combien de secondes elle est conservée.",
        "schema": {"type": "boolean"},
    },
}
"""The headers of a success that may have been kept."""

_WINDOW_HEADERS: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id")
_HEADERS_OF: Final = {401: ("X-Request-Id",), 429: ("Retry-After", *_WINDOW_HEADERS)}
"""The headers of an answer, by status, where they are not `_WINDOW_HEADERS`: without a valid token nothing is
counted."""


def _schema(name: str, components: _Components) -> Json:
    return components.refer("schemas", name, _SCHEMAS[name])


def _headers(status: int, components: _Components) -> Json:
    names = _HEADERS_OF.get(status, _WINDOW_HEADERS)
    return {name: components.refer("headers", name, _HEADERS[name]) for name in names}


def _cache_headers(components: _Components) -> Json:
    return {name: components.refer("headers", name, header) for name, header in _CACHE_HEADERS.items()}


_SUCCESSES: Final = {
    200: "Les données demandées.",
    206: "Les données demandées, moins celles que le fournisseur n'a pas pu donner.",
}
"""What each status of a success means; only v2 tells a partial one by its status."""


_LOCATION: Final[Json] = {"description": "La nouvelle adresse, paramètres compris.", "schema": {"type": "string"}}


def _successes(endpoint: Endpoint, components: _Components) -> Json:
    statuses = (200, 206) if endpoint.flat else (200,)
    responses = {str(status): _success(status, endpoint, components) for status in statuses}
    if endpoint.redirects:
        headers = {"Location": _LOCATION, **_headers(301, components)}
        responses["301"] = {"description": "L'INSEE a remplacé ce numéro par un autre.", "headers": headers}
    return responses


def _success(status: int, endpoint: Endpoint, components: _Components) -> Json:
    schema = components.refer("schemas", endpoint.operation, SCHEMAS.of(endpoint.operation))
    return {
        "description": _SUCCESSES[status],
        "headers": _headers(status, components) | (_cache_headers(components) if endpoint.cache else {}),
        "content": {JSON_TYPE if endpoint.flat else JSON_API_TYPE: {"schema": schema}},
    }


def _dossier(endpoints: list[Endpoint], components: _Components) -> Json:
    resources = DOSSIER.resources_of(endpoints)
    by_status = attrgetter("status")
    failures = groupby(sorted(dossier_cases(), key=by_status), by_status)
    return {
        "operationId": DOSSIER.endpoint.operation,
        "summary": DOSSIER.endpoint.summary,
        "description": _DOSSIER_DESCRIPTION,
        "tags": [DOSSIER.endpoint.tag],
        "parameters": [
            *_parameters(DOSSIER.endpoint, components),
            {
                "name": RESOURCES,
                "in": "query",
                "required": True,
                "description": "Les ressources demandées ; sans préfixe de version, la plus récente.",
                "style": "form",
                "explode": False,
                "schema": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_RESOURCES,
                    "items": {"type": "string", "enum": sorted(resources)},
                },
                "example": ["insee_unites_legales", "msa_conformites_cotisations"],
            },
            *(
                {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
                for name, text in _DOSSIER_PARAMETERS.items()
            ),
        ],
        "responses": {
            "200": {
                "description": "Le dossier, quoi que chaque ressource ait répondu.",
                "headers": _headers(200, components),
                "content": {JSON_API_TYPE: {"schema": _schema("Dossier", components)}},
            },
            **{str(status): _failure(list(cases), f"{status}-dossier", 3, components) for status, cases in failures},
        },
    }


_OF_PARTS: Final = frozenset({"00015", "00100", "00107", "00501"})
"""Errors that a part of a dossier may carry, never the dossier."""

_DOSSIER_DESCRIPTION: Final = """\
Une entreprise, plusieurs ressources, une réponse : ce qu'il faut pour préremplir un formulaire.

Chaque ressource demandée est contrôlée, comptée et tracée comme l'appel qu'elle remplace. Elle porte dans `data` son
propre statut, ses en-têtes de limite, et ses données ou ses erreurs. Le dossier répond 200 même si des ressources
manquent : lisez le statut de chacune. Il répond au plus tard après le délai d'un appel ; une ressource qui n'est pas
arrivée y figure avec le statut 504. Les en-têtes `RateLimit-*` de la réponse sont ceux de la ressource dont il reste le
moins d'appels.

Les ressources qui veulent une année, un mois ou `user_id` les lisent parmi les paramètres du dossier.
"""

_DOSSIER_PARAMETERS: Final = {
    "year": "Année, pour les ressources qui en veulent une.",
    "month": "Mois, sur deux chiffres, pour les ressources qui en veulent un.",
    "profondeur": "Nombre de mois antérieurs à joindre, pour les effectifs mensuels.",
    "nature_effectif": "Nature de l'effectif, pour les effectifs.",
    "limit": "Nombre de certificats à rendre, pour les certificats RGE.",
    "user_id": "Agent à l'origine de la demande, pour les ressources de la DGFIP.",
}


def _introspection(components: _Components) -> Json:
    refused = (*_TOKEN_REFUSED, *(code for code in EVERYWHERE if code in _OF_INTROSPECTION))
    by_status = attrgetter("status")
    failures = groupby(sorted(map(own_case, refused), key=by_status), by_status)
    return {
        "operationId": INTROSPECTION.operation,
        "summary": INTROSPECTION.summary,
        "description": "Ses droits, ses dates, sa limite propre. Hors traçabilité et hors limites d'appels ; l'appel "
        "est enregistré, et compte pour l'adresse IP.",
        "tags": [_PRIVILEGES_TAG],
        "parameters": [components.refer("parameters", "X-Request-Id", _REQUEST_ID)],
        "responses": {
            "200": {
                "description": "Ce que la passerelle sait du jeton.",
                "headers": _headers(401, components),
                "content": {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/Introspection"}}},
            },
            **{str(status): _failure(list(cases), f"{status}-jeton", 3, components) for status, cases in failures},
        },
    }


_OF_INTROSPECTION: Final = frozenset({"00107", "00901", "00904", "00906", "00908", "00500", "00505", "00506"})
"""What an introspection may be refused for, besides the token itself."""


def _privileges(components: _Components) -> Json:
    return {
        "operationId": "privileges",
        "summary": "Droits de votre jeton",
        "description": "Hors traçabilité et hors limites d'appels par jeton.",
        "tags": [_PRIVILEGES_TAG],
        "responses": {
            "200": {
                "description": "Les droits, triés.",
                "content": {JSON_TYPE: {"schema": _schema("Privileges", components)}},
            },
            "401": _failure(list(map(own_case, _TOKEN_REFUSED)), "401", 3, components),
            "429": pings.TOO_MANY,
        },
    }


# Errors. The nomenclature of them is made from the same cases.


@dataclass(frozen=True, slots=True)
class Case:
    """One error that an operation may answer with."""

    status: int
    error: ApiError
    key: str
    """What it is called among the examples."""


def _case(refusal: Refusal, name: str = "") -> Case:
    (error,) = refusal.errors
    return Case(refusal.status, error, f"{error.code}-{name}" if name else error.code)


def own_case(code: str) -> Case:
    """One of the gateway's own errors."""
    return _case(network_error() if code == network_error().errors[0].code else refuse(code))


def _parameter_case(parameter: Parameter, code: str) -> Case:
    name = parameter.kind.source or parameter.name
    source: Source = {"parameter": name}
    usual = gateway_error(code).source == source
    return _case(refuse(code, source=source), "" if usual else name)


def cases_of(endpoint: Endpoint, provider: Provider) -> Iterator[Case]:
    """Every error that an endpoint may answer with."""
    yield from map(own_case, EVERYWHERE)
    if endpoint.document is not None:
        yield own_case(_NOT_KEPT)
    for name in _required(endpoint):
        yield own_case(traceability.CODES[name])
    if not endpoint.flat:
        yield own_case("00210")
    for parameter in _checked(endpoint):
        for code in parameter.kind.codes:
            yield _parameter_case(parameter, code)
    for subcode in PROVIDER_ERRORS:
        if _may_say(subcode, endpoint, provider):
            yield _case(provider_error(subcode, prefix=provider.prefix, name=provider.name))
    for status, codes in endpoint.codes.items():
        for code in codes:
            yield _case(provider.own_error(code, status=status))


def dossier_cases() -> Iterator[Case]:
    """Every error that a dossier as such may answer with."""
    required = _required(DOSSIER.endpoint, user_id_required=False)
    codes = [code for code in EVERYWHERE if code not in _OF_PARTS]
    codes += [*(traceability.CODES[name] for name in required), "00210", SIRET.code, "00902", "00903"]
    return map(own_case, codes)


def _required(endpoint: Endpoint, *, user_id_required: bool = True) -> tuple[str, ...]:
    rule = ENTREPRISE.version_of(endpoint).traceability
    return traceability.required_of(endpoint, rule, user_id_required=user_id_required)


def _checked(endpoint: Endpoint) -> list[Parameter]:
    return [parameter for parameter in (*endpoint.parameters, *endpoint.query) if parameter.kind.code]


def _may_say(subcode: str, endpoint: Endpoint, provider: Provider) -> bool:
    if subcode == "005":
        return subcode in provider.statuses.values()
    return not _about_file(subcode) or endpoint.answer is AnswerKind.DOCUMENT


def _about_file(code: str) -> bool:
    return code[-3:].startswith("05")


def _failures(endpoint: Endpoint, provider: Provider, components: _Components) -> Json:
    by_status = attrgetter("status")
    responses: Json = {}
    for status, group in groupby(sorted(cases_of(endpoint, provider), key=by_status), by_status):
        cases = list(group)
        key = _response_key(status, cases, endpoint, provider)
        responses[str(status)] = _failure(cases, key, endpoint.version, components)
    return responses


def _response_key(status: int, cases: list[Case], endpoint: Endpoint, provider: Provider) -> str:
    """What an answer is called among the components: operations whose answers may differ never share a name."""
    codes = [case.error.code for case in cases]
    specific = endpoint.codes.get(status, ())
    if status == 422:
        keys = [_key(parameter) for parameter in _checked(endpoint)]
        return "-".join(["422", *keys, *(["user_id"] if endpoint.user_id else []), *specific])
    if all(code in GATEWAY_ERRORS for code in codes):
        return str(status)
    files = ["fichier"] if any(map(_about_file, codes)) else []
    if _NOT_KEPT in codes:
        files = ["document"]
    return "-".join([str(status), provider.key, *files, *specific])


def _failure(cases: list[Case], key: str, version: int, components: _Components) -> Json:
    flat = version == FLAT_VERSION
    suffix = "-v2" if flat else ""
    of_provider = any(case.error.code not in GATEWAY_ERRORS for case in cases)
    content = {
        "schema": _schema("ErreursV2" if flat else "Erreurs", components),
        "examples": {
            case.key: components.refer("examples", case.key + suffix, _error_example(case.error, version))
            for case in cases
        },
    }
    value = {
        "description": " ; ".join(dict.fromkeys(case.error.title for case in cases)),
        "headers": _headers(cases[0].status, components),
        "content": {JSON_TYPE if flat or not of_provider else JSON_API_TYPE: content},
    }
    return components.refer("responses", key + suffix, value)


def _error_example(error: ApiError, version: int) -> Json:
    return {"summary": f"{error.code} : {error.title}", "value": orjson.loads(render((error,), version=version))}
