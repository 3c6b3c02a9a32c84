"""What is known of the calls of an endpoint before they are made: computed once, at the start."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from apientreprise_gateway.auth.token import TokenReader, token_reader
from apientreprise_gateway.contract import traceability
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.error_forms import ErrorForm
from apientreprise_gateway.contract.groups import Group
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.providers.dossier import RESOURCES, parameters_of
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.ratelimit.policy import Policy
from apientreprise_gateway.upstream.source import Source

JSON: Final = b"content-type: application/json\r\n"
_JSON_API: Final = b"content-type: application/vnd.api+json\r\n"


class Plan(NamedTuple):
    """What is known of the calls of an endpoint before they are made."""

    route: Route
    product: Product
    scopes: frozenset[str]
    limit: int
    """Calls per minute of a token that has no limit of its own."""
    group: Group
    """The endpoints that share this limit."""
    required: tuple[str, ...]
    """The traceability parameters without which a call is refused."""
    siret_recipient: bool
    """Whether `recipient` must be a SIRET."""
    token: TokenReader
    """What finds the token of a call."""
    errors: ErrorForm
    """The form of its errors."""
    wanted: frozenset[str]
    """The names of the query parameters that are read."""
    target: str
    """The path that is asked for, with `{}` in place of each parameter."""
    spellings: tuple[tuple[int, Callable[[str], str]], ...]
    """How the provider spells parameters that it spells otherwise, by position."""
    identifier: int | None
    """Position of the parameter that names the entity; None where none does."""
    source: Source | None
    """What answers; None for what the gateway answers itself."""
    content_type: bytes
    """A header line of the answers, with its CRLF."""


def plan_of(
    route: Route,
    *,
    product: Product,
    policy: Policy,
    user_id_required: bool,
    source: Source | None,
    besides: frozenset[str] = frozenset(),
) -> Plan:
    """What is known of the calls of an endpoint.

    Args:
        route: the endpoint, with its provider.
        product: the product of the endpoint.
        policy: the limits in force.
        user_id_required: whether `user_id` is required where the endpoint takes it.
        source: what answers; None for what the gateway answers itself.
        besides: query parameters that are read besides those of the endpoint itself.
    """
    endpoint = route.endpoint
    version = product.version_of(endpoint)
    in_query = () if version.token.parameter is None else (version.token.parameter,)
    target = endpoint.path
    for parameter in endpoint.parameters:
        target = target.replace("{" + parameter.name + "}", "{}")
    entities = [place for place, parameter in enumerate(endpoint.parameters) if parameter.kind.names_entity]
    return Plan(
        route=route,
        product=product,
        scopes=frozenset(endpoint.scopes),
        limit=policy.limit_of(endpoint),
        group=endpoint.group,
        required=traceability.required_of(endpoint, version.traceability, user_id_required=user_id_required),
        siret_recipient=version.traceability.siret_recipient,
        token=token_reader(version.token),
        errors=version.errors,
        wanted=besides.union(traceability.CODES, in_query, (parameter.name for parameter in endpoint.query)),
        target=target,
        spellings=tuple(
            (place, parameter.kind.sent_as)
            for place, parameter in enumerate(endpoint.parameters)
            if parameter.kind.sent_as is not None
        ),
        identifier=entities[0] if entities else None,
        source=source,
        content_type=JSON if endpoint.flat else _JSON_API,
    )


def plans_of(
    products: Iterable[Product],
    *,
    source_of: Callable[[Route], Source],
    policy: Policy,
    user_id_required: Callable[[Endpoint], bool],
) -> Mapping[str, Plan]:
    """What is known of the calls of every endpoint, by operation.

    Args:
        products: what is served.
        source_of: makes what answers an endpoint of a provider.
        policy: the limits in force.
        user_id_required: whether an endpoint requires `user_id` if it takes it.
    """
    plans = {}
    for product in products:
        dossier = product.dossier
        of_parts = set() if dossier is None else parameters_of(dossier.resources_of(product.endpoints).values())
        for provider in (*product.providers, product.itself):
            for endpoint in provider.endpoints:
                route = Route(endpoint, provider)
                is_dossier = dossier is not None and endpoint is dossier.endpoint
                plans[endpoint.operation] = plan_of(
                    route,
                    product=product,
                    policy=policy,
                    user_id_required=user_id_required(endpoint),
                    source=None if provider is product.itself else source_of(route),
                    besides=frozenset({RESOURCES, *of_parts}) if is_dossier else frozenset(),
                )
    return plans
