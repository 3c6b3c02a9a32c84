"""Plans: all that the data plane needs to know about an endpoint, computed once, at the start."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from apientreprise_gateway.auth.token import GivenReader, given_reader
from apientreprise_gateway.contract import traceability
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.error_forms import ErrorForm
from apientreprise_gateway.contract.groups import Group
from apientreprise_gateway.contract.masks import Masks
from apientreprise_gateway.contract.passing import TokenPassing
from apientreprise_gateway.contract.person.families import RULES
from apientreprise_gateway.contract.person.ordinary import OrdinaryQueries, ordinary_queries
from apientreprise_gateway.contract.person.pivot import ByToken, by_token
from apientreprise_gateway.contract.person.rules import IdentityRules
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.providers.dossier import RESOURCES, parameters_of
from apientreprise_gateway.providers.product import Product, passing_of
from apientreprise_gateway.ratelimit.policy import Policy
from apientreprise_gateway.ratelimit.port import AddressRule
from apientreprise_gateway.upstream.source import Source

JSON: Final = b"content-type: application/json\r\n"
_JSON_API: Final = b"content-type: application/vnd.api+json\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all calls to an endpoint have in common."""

    route: Route
    product: Product
    scopes: frozenset[str]
    limit: int
    """Calls within the window of its group that a token without a limit of its own may make."""
    group: Group
    """The group of endpoints that share this limit."""
    address_rule: AddressRule
    """How its calls count for their address."""
    required: tuple[str, ...]
    """The traceability parameters without which a call is refused."""
    siret_recipient: bool
    """Whether `recipient` must be a SIRET."""
    token: GivenReader
    """Finds the token of a call."""
    errors: ErrorForm
    """The form of its errors."""
    wanted: frozenset[str]
    """The names of the query parameters that are read."""
    about: frozenset[str]
    """The names of those that say whom the call is about, and `wanted`; none if it is about no person."""
    target: str
    """The path asked of the provider, with `{}` in place of each parameter."""
    spellings: tuple[tuple[int, Callable[[str], str]], ...]
    """For each parameter that the provider spells otherwise, its position and the function that converts it."""
    identifier: int | None
    """Position of the parameter that names the entity; None if none does."""
    person: IdentityRules | None
    """Judge who the call is about, where that is a person."""
    ordinary: OrdinaryQueries | None
    """Read ordinary queries in place of `person`; None if there are none, or calls may come with an access token."""
    by_token: ByToken | None
    """How calls with an access token of FranceConnect are read; None if there are none."""
    masks: Masks | None
    """Leave out of the answers what the token may not see; None if it may see all."""
    source: Source | None
    """Answers the calls; None if the gateway answers them itself."""
    content_type: bytes
    """The `Content-Type` header line of the answers, with its CRLF."""


def plan_of(
    route: Route,
    *,
    product: Product,
    policy: Policy,
    user_id_required: bool,
    source: Source | None,
    passing: TokenPassing | None = None,
    besides: frozenset[str] = frozenset(),
) -> Plan:
    """The plan of an endpoint.

    Args:
        route: the endpoint, with its provider.
        product: the product of the endpoint.
        policy: the limits in force.
        user_id_required: whether `user_id` is required where the endpoint takes it.
        source: answers the calls; None if the gateway answers them itself.
        passing: how the token of a call is passed; None for what the version of the endpoint says.
        besides: query parameters to read in addition to those of the endpoint.
    """
    endpoint = route.endpoint
    version = product.version_of(endpoint)
    passing = passing or version.token
    in_query = () if passing.parameter is None else (passing.parameter,)
    target = endpoint.path
    for parameter in endpoint.parameters:
        target = target.replace("{" + parameter.name + "}", "{}")
    wanted = besides.union(version.traceability.known, in_query, (parameter.name for parameter in endpoint.query))
    person = None if endpoint.person is None else RULES[endpoint.person.family]
    tokens = None if endpoint.person is None else by_token(endpoint.person)
    entities = [place for place, parameter in enumerate(endpoint.parameters) if parameter.kind.names_entity]
    return Plan(
        route=route,
        product=product,
        scopes=frozenset(endpoint.scopes),
        limit=policy.limit_of(endpoint),
        group=endpoint.group,
        address_rule=policy.rule_of(product),
        required=traceability.required_of(endpoint, version.traceability, user_id_required=user_id_required),
        siret_recipient=version.traceability.siret_recipient,
        token=given_reader(passing),
        errors=version.errors,
        wanted=wanted,
        about=frozenset() if person is None else wanted | person.names,
        target=target,
        spellings=tuple(
            (place, parameter.kind.sent_as)
            for place, parameter in enumerate(endpoint.parameters)
            if parameter.kind.sent_as is not None
        ),
        identifier=entities[0] if entities else None,
        person=person,
        ordinary=None if person is None or tokens is not None else ordinary_queries(person),
        by_token=tokens,
        masks=None if endpoint.mask is None else Masks(endpoint.mask, product.schemas.of(endpoint.operation)),
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
    """The plans of all endpoints, by operation.

    Args:
        products: the products that are served.
        source_of: makes the source that answers an endpoint of a provider.
        policy: the limits in force.
        user_id_required: whether an endpoint requires `user_id` if it takes it.
    """
    plans, products = {}, tuple(products)
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
                    passing=passing_of(endpoint, products) if provider is product.itself else None,
                    source=None if provider is product.itself else source_of(route),
                    besides=frozenset({RESOURCES, *of_parts}) if is_dossier else frozenset(),
                )
    return plans
