"""The error responses of operations in OpenAPI."""

from collections.abc import Callable, Mapping

import orjson

from apientreprise_gateway.contract.codes import GATEWAY_ERRORS
from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.error_forms import ErrorForm
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.france_connect import FRANCE_CONNECT
from apientreprise_gateway.controlplane.openapi.cases import (
    NOT_KEPT,
    OF_FRANCE_CONNECT,
    Case,
    by_status,
    cases_of,
    is_about_file,
    status_of,
)
from apientreprise_gateway.controlplane.openapi.components import JSON_API_TYPE, JSON_TYPE, Components, Json
from apientreprise_gateway.controlplane.openapi.headers import headers_of
from apientreprise_gateway.controlplane.openapi.parameters import checked_of, key_of
from apientreprise_gateway.providers.product import Product


def failures_of(endpoint: Endpoint, provider: Provider, product: Product, components: Components) -> Json:
    """The error responses of an endpoint, by status."""
    form = product.version_of(endpoint).errors
    kind = JSON_TYPE if endpoint.flat else JSON_API_TYPE
    answered: dict[int, list[Case]] = {}
    for _, cases in by_status(cases_of(endpoint, provider, product)):
        for case in cases:
            answered.setdefault(status_of(case, form), []).append(case)
    return {
        str(status): failure(
            cases,
            _response_key(status, cases, endpoint, provider),
            form,
            components,
            of_provider=kind,
            types=_types_of_each if endpoint.person is not None else _type_of_all,
        )
        for status, cases in sorted(answered.items())
    }


_Types = Callable[[list[Case], str], dict[str, list[Case]]]
"""From errors of one status, and the type of those that come once a provider was asked, to errors by media type."""


def _type_of_all(cases: list[Case], of_provider: str) -> dict[str, list[Case]]:
    """One type for all, that of the provider's if there is one: what own errors there are beside them is rare."""
    has_provider = any(case.error.code not in GATEWAY_ERRORS for case in cases)
    return {of_provider if has_provider else JSON_TYPE: cases}


def _types_of_each(cases: list[Case], of_provider: str) -> dict[str, list[Case]]:
    """Two types where the gateway itself and the provider may find something wrong."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(of_provider if case.asked else JSON_TYPE, []).append(case)
    return found


def _response_key(status: int, cases: list[Case], endpoint: Endpoint, provider: Provider) -> str:
    """Name of a response among the components; operations whose responses may differ never share one."""
    codes = [case.error.code for case in cases]
    statuses = dict.fromkeys(case.status for case in cases)
    specific = [code for each in statuses for code in endpoint.codes.get(each, ())]
    if any(code in OF_FRANCE_CONNECT for code in codes):
        specific.append(FRANCE_CONNECT.key)
    if 422 in statuses:
        keys = [key_of(parameter) for parameter in checked_of(endpoint)]
        person = [] if endpoint.person is None else [endpoint.person.family]
        return "-".join([str(status), *keys, *person, *(["user_id"] if endpoint.user_id else []), *specific])
    # A form may answer at one status what another form tells apart.
    moved = [str(each) for each in statuses if each != status]
    if all(code in GATEWAY_ERRORS for code in codes):
        return "-".join([str(status), *moved])
    files = ["fichier"] if any(map(is_about_file, codes)) else []
    if NOT_KEPT in codes:
        files = ["document"]
    return "-".join([str(status), provider.key, *files, *specific])


def failure(
    cases: list[Case],
    key: str,
    form: ErrorForm,
    components: Components,
    *,
    of_provider: str = JSON_API_TYPE,
    types: _Types = _type_of_all,
) -> Json:
    """A reference to the response for some errors, which becomes a component.

    Args:
        cases: the errors; all have the same status.
        key: name of the response among the components.
        form: form of the body.
        components: the components of the document.
        of_provider: the media type of errors that come once a provider was asked.
        types: says which errors have which media type.
    """
    content = {
        media_type: {
            "schema": components.refer("schemas", form.name, plain(form.schema)),
            "examples": {
                case.key: components.refer("examples", case.key + form.suffix, _example(case, form)) for case in own
            },
        }
        for media_type, own in types(cases, of_provider).items()
    }
    value = {
        "description": " ; ".join(dict.fromkeys(case.error.title for case in cases)),
        "headers": headers_of(status_of(cases[0], form), components),
        "content": content,
    }
    return components.refer("responses", key + form.suffix, value)


def _example(case: Case, form: ErrorForm) -> Json:
    error = case.error
    _, body = form.render(Refusal(case.status, error), None)
    return {"summary": f"{error.code} : {error.title}", "value": orjson.loads(body)}


def plain(schema: Mapping[str, object]) -> Json:
    """A schema as plain dictionaries, which YAML can write."""
    return {name: plain(value) if isinstance(value, Mapping) else value for name, value in schema.items()}
