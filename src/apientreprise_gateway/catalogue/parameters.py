"""The parameters of operations in the catalogue."""

from collections.abc import Iterator, Mapping
from typing import Any

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import Identification
from apientreprise_gateway.contract.parameters import Parameter

_Json = dict[str, Any]


def parameters_of(endpoint: Endpoint) -> Iterator[_Json]:
    """The parameters of the path, then the operation's own of the query."""
    for parameter in endpoint.parameters:
        yield _parameter("path", parameter)
    for parameter in endpoint.query:
        yield _parameter("query", parameter)


def identity_of(person: Identification) -> Iterator[_Json]:
    """The query parameters that say whom a call is about, or what is asked about that person."""
    for each in person.parameters:
        yield {
            "name": each.name,
            "in": "query",
            "required": each.required,
            "kind": each.meaning.value,
            "several": each.several,
            "most": each.most,
            "description": each.description,
            "example": each.example or None,
            "schema": _plain(each.schema),
        }


def _parameter(place: str, parameter: Parameter) -> _Json:
    kind = parameter.kind
    return {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "kind": kind.name,
        "description": kind.description,
        "example": kind.example or None,
        "schema": _plain(kind.schema),
    }


def _plain(schema: Mapping[str, object]) -> _Json:
    return dict(schema)
