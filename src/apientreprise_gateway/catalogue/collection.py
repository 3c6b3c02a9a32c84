"""The collection of a product's requests, made of its catalogue.

Its form is version 2.1 of Postman's collections, which Bruno and Insomnia read as well. A request is filled in with the
published examples; what every request repeats is a variable. It holds no token.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_Json = dict[str, Any]

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
"""The address by which readers know the form; nobody asks there."""
_FRANCE_CONNECT: Final = "france_connect"
"""The way to find a person by the access token of FranceConnect, which takes the place of the caller's."""
_VARIABLES: Final = (
    ("base_url", "http://127.0.0.1:8080", "Adresse de la passerelle."),
    ("token", "", "Votre jeton."),
    ("france_connect_token", "", "Jeton d'accès que FranceConnect a donné pour la personne."),
    ("recipient", "13002526500013", "SIRET de l'organisme pour lequel l'appel est fait."),
    ("context", "Essai", "Cadre de l'appel."),
    ("object", "Essai", "Raison de l'appel, ou numéro du dossier."),
    ("user_id", "agent-1", "Identifiant de l'agent qui fait l'appel."),
)
_ABOUT: Final = "Renseignez les variables `base_url` et `token` de la collection. Les valeurs d'exemple sont fictives."
_DEPRECATED: Final = "Versions dépréciées"


def collection(whole: Mapping[str, Any]) -> _Json:
    """The collection of the one product that a catalogue describes: a folder for each tag, deprecated versions last."""
    (product,) = whole["products"]
    current = [each for each in whole["operations"] if not each["deprecated"]]
    deprecated = [each for each in whole["operations"] if each["deprecated"]]
    return {
        "info": {"name": product["title"], "description": _ABOUT, "schema": SCHEMA},
        "auth": _bearer("token"),
        "variable": [{"key": key, "value": value, "description": words} for key, value, words in _VARIABLES],
        "item": [*_folders(current), {"name": _DEPRECATED, "item": list(_folders(deprecated))}],
    }


def _folders(operations: list[_Json]) -> Iterator[_Json]:
    for tag in dict.fromkeys(operation["tag"] for operation in operations):
        yield {"name": tag, "item": [_item(each) for each in operations if each["tag"] == tag]}


def _item(operation: _Json) -> _Json:
    request: _Json = {"method": "GET", "header": [], "url": _url(operation), "description": _words(operation)}
    own = _auth(operation)
    if own is not None:
        request["auth"] = own
    return {"name": f"{operation['summary']} (v{operation['version']})", "request": request, "response": []}


def _url(operation: _Json) -> _Json:
    segments = [_segment(part) for part in operation["path"].removeprefix("/").split("/")]
    query = [*_traceability(operation), *_query(operation)]
    sent = "&".join(f"{each['key']}={each['value']}" for each in query if not each["disabled"])
    raw = "/".join(("{{base_url}}", *segments))
    return {
        "raw": f"{raw}?{sent}" if sent else raw,
        "host": ["{{base_url}}"],
        "path": segments,
        "query": query,
        "variable": [
            {"key": each["name"], "value": each["example"] or "", "description": each["description"]}
            for each in operation["parameters"]
            if each["in"] == "path"
        ],
    }


def _segment(part: str) -> str:
    return f":{part[1:-1]}" if part.startswith("{") else part


def _traceability(operation: _Json) -> Iterator[_Json]:
    words = {key: description for key, _, description in _VARIABLES}
    required = operation["traceability"]
    for name in (*required, *operation["traceability_optional"]):
        disabled = name not in required
        yield {"key": name, "value": f"{{{{{name}}}}}", "description": words[name], "disabled": disabled}


def _query(operation: _Json) -> Iterator[_Json]:
    """The operation's own parameters, left out of the call, and those of a person, with their examples."""
    for each in operation["parameters"]:
        if each["in"] == "query":
            yield _parameter(each, sent=False)
    for each in operation["identity_parameters"]:
        yield _parameter(each, sent=each["required"] or each["example"] is not None)


def _parameter(parameter: _Json, *, sent: bool) -> _Json:
    return {
        "key": parameter["name"],
        "value": parameter["example"] or "",
        "description": parameter["description"],
        "disabled": not sent,
    }


def _words(operation: _Json) -> str:
    scopes = ", ".join(f"`{scope}`" for scope in operation["scopes"]) or "aucun"
    per = "seconde" if operation["seconds"] == 1 else f"{operation['seconds']} secondes"
    lines = [
        operation["description"],
        f"Fournisseur : {operation['provider']}. Droits, dont un suffit : {scopes}.",
        f"{operation['limit']} appels par {per} au plus. Attente conseillée : {operation['client_timeout']} s.",
    ]
    if operation["newer_versions"]:
        newer = ", ".join(f"`{each['path']}`" for each in operation["newer_versions"])
        lines.append(f"À la place : {newer}.")
    return "\n\n".join(lines)


def _auth(operation: _Json) -> _Json | None:
    """How the request passes its token, where that is not the usual way."""
    if operation["call_mode"] == _FRANCE_CONNECT:
        return _bearer("france_connect_token")
    if operation["token"]["bearer"]:
        return None
    named = {"key": operation["token"]["header"], "value": "{{token}}", "in": "header"}
    return {
        "type": "apikey",
        "apikey": [{"key": key, "value": value, "type": "string"} for key, value in named.items()],
    }


def _bearer(variable: str) -> _Json:
    return {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{variable}}}}}", "type": "string"}]}
