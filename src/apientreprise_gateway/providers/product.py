"""Products: each is an API with its own endpoints, and holds all that differs from one API to another.

The planes, the pages, the sandbox, settings and metrics treat all products alike: whatever differs between two APIs is
data of a product, and is resolved once, when a gateway is made.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.error_forms import ErrorForm
from apientreprise_gateway.contract.errors import GATEWAY_PREFIX
from apientreprise_gateway.contract.groups import Group, Limit
from apientreprise_gateway.contract.passing import TokenPassing
from apientreprise_gateway.contract.traceability import TraceabilityRule
from apientreprise_gateway.providers.dossier import Dossier
from apientreprise_gateway.providers.examples import Examples
from apientreprise_gateway.providers.schemas import Schemas
from apientreprise_gateway.providers.use_cases import UseCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a product: what holds for all of its endpoints."""

    number: int
    prefix: str = ""
    """What paths begin with before the number, such as `/api`."""
    token: TokenPassing
    traceability: TraceabilityRule
    errors: ErrorForm

    @property
    def path(self) -> str:
        """What the paths of its endpoints begin with: `/v3/`."""
        return f"{self.prefix}/v{self.number}/"


class PrivilegesPage(NamedTuple):
    """A page that shows a caller which scopes its token has."""

    path: str
    token: TokenPassing
    body: Callable[[str, Collection[str]], Mapping[str, Any]]
    """From the id of a token (`jti`) and its scopes to the answer."""
    errors: ErrorForm
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the answer; None for a page that the documentation leaves out, as another says the same."""


_YAML: Final = ".yaml"


class Specification(NamedTuple):
    """An OpenAPI document of a product."""

    path: str
    is_json: bool
    """Whether it is JSON; otherwise YAML."""
    is_current: bool
    """Whether it leaves out what is deprecated."""


KEY: Final = "{key}"
"""What stands for the key of a ping in `PingPaths.one`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PingPaths:
    """Where the pages of pings are."""

    index: str = "/pings"
    """The list of pings."""
    one: str = f"/ping/{KEY}"
    """Each ping; a key may hold slashes if it stands at the end."""
    alive: str = "/v{version}/ping"
    """The page that says that the gateway answers."""

    def of(self, ping: Ping) -> str:
        """The path of a ping."""
        return self.one.replace(KEY, ping.key)


class Wording(NamedTuple):
    """The description and example of a parameter in OpenAPI."""

    description: str
    example: str


_PINGS: Final = PingPaths()
_NONE_REPLACED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The French words of a product's pages."""

    introduction: str
    """What the OpenAPI document begins with, in Markdown; errors that belong to no operation are listed after it."""
    bearer: str = ""
    """How to pass a token in `Authorization`; like the next two, empty where a token may not be passed so."""
    header: str = ""
    """How to pass a token in a header of its own."""
    parameter: str = ""
    """How to pass a token in the query."""
    france_connect: str = ""
    """How to pass an access token of FranceConnect, where an endpoint takes one."""
    calls: str = "Nombre d'appels permis par minute."
    """What `RateLimit-Limit` says."""
    traceability: Mapping[str, Wording]
    """Each traceability parameter, by its name; `recipient-v2` where flat versions mean something else by it."""
    moved: str = ""
    """What a redirection means, where an endpoint may answer with one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """One API: its versions, providers and endpoints, and the words of its pages."""

    key: str
    """Name in access lines, metrics and pings: `api_entreprise`."""
    name: str
    """Short name, in the addresses of its pages: `entreprise`."""
    title: str
    """Name on its pages: `API Entreprise`."""
    versions: tuple[Version, ...]
    """In ascending order."""
    groups: tuple[Group, ...]
    """The groups of its endpoints, which carry their limits."""
    ceiling: Limit | None = None
    """Calls per minute that one address may make with valid tokens, 0 for any number; one more bans it. None where they
    count for the ceiling that everything else counts for (`GATEWAY_LIMIT_IP`)."""
    refusals_by_token: bool = False
    """Whether calls refused with 429 are counted by address and token, as many tokens call from one address; otherwise
    by address."""
    early_seconds: float = 0.0
    """Seconds by which a refused call may come too early without counting as one that takes no notice of 429, as no
    network keeps a pace exactly."""
    providers: tuple[Provider, ...]
    dossier: Dossier | None = None
    """The endpoint that asks several others, if it has one."""
    introspection: Endpoint | None = None
    """The endpoint that tells a holder what a token is, if it has one."""
    privileges: tuple[PrivilegesPage, ...] = ()
    own_key: str | None = None
    """Path of the page with the public key to which FranceConnect encrypts its answers, if it is asked for any."""
    gone: tuple[str, ...] = ()
    """Paths that it had once, and that answer 410 since."""
    use_cases: tuple[UseCase, ...] = ()
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NONE_REPLACED)
    """The operations that took the place of a deprecated one, by its name, where their path is another."""
    schemas: Schemas
    examples: Examples | None = None
    """What its operations answer to the examples of their parameters, for its OpenAPI document."""
    specification: str
    """Path of its OpenAPI document, in YAML."""
    errors: str
    """Path of its nomenclature of errors."""
    pings: PingPaths = _PINGS
    texts: Texts
    itself: Provider = field(init=False)
    """Stands for a provider where the gateway itself answers: the dossier, the introspection."""

    def __post_init__(self) -> None:
        dossier = () if self.dossier is None else (self.dossier.endpoint,)
        introspection = () if self.introspection is None else (self.introspection,)
        own = Provider(key="gateway", name=self.title, prefix=GATEWAY_PREFIX, endpoints=(*dossier, *introspection))
        object.__setattr__(self, "itself", own)
        for endpoint in (*own.endpoints, *self.endpoints):
            if endpoint.group not in self.groups:
                raise ValueError(f"{endpoint.operation}: its group {endpoint.group.name} is none of {self.key}")
            self.version_of(endpoint)
        if not self.specification.endswith(_YAML):
            raise ValueError(f"{self.key}: the path of its OpenAPI document does not end with {_YAML}")

    @property
    def specifications(self) -> Iterator[Specification]:
        """Its OpenAPI documents: of all of it or of what is current, in YAML and in JSON."""
        stem = self.specification.removesuffix(_YAML)
        for is_current, start in ((False, stem), (True, f"{stem}-current")):
            yield Specification(start + _YAML, is_json=False, is_current=is_current)
            yield Specification(f"{start}.json", is_json=True, is_current=is_current)

    @property
    def endpoints(self) -> Iterator[Endpoint]:
        """The endpoints that its providers answer."""
        return (endpoint for provider in self.providers for endpoint in provider.endpoints)

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope that opens some endpoint."""
        return frozenset(scope for endpoint in self.endpoints for scope in endpoint.scopes)

    def version_of(self, endpoint: Endpoint) -> Version:
        """The version that an endpoint belongs to.

        Raises:
            ValueError: the product has no such version.
        """
        for version in self.versions:
            if (version.prefix, version.number) == (endpoint.prefix, endpoint.version):
                return version
        raise ValueError(f"{endpoint.operation}: {self.key} has no version {endpoint.prefix}/v{endpoint.version}")

    def newer_than(self, endpoint: Endpoint) -> tuple[Endpoint, ...]:
        """What to call in place of a deprecated endpoint: its latest version, or those that replaced it, if any do."""
        if not endpoint.deprecated:
            return ()
        names = self.replaced.get(endpoint.operation, ())
        if names:
            return tuple(each for name in names for each in self.endpoints if each.operation == name)
        later = [each for each in self.endpoints if each.route == endpoint.route and each.version > endpoint.version]
        return tuple(sorted(later, key=lambda each: each.version)[-1:])


def providers_of(products: Iterable[Product]) -> Iterator[Provider]:
    """The providers of products, and for each product what stands for the gateway itself.

    What the gateway itself answers at one path for several products is there once, with the first of them.
    """
    taken: set[str] = set()
    for product in products:
        yield from product.providers
        own = tuple(endpoint for endpoint in product.itself.endpoints if endpoint.path not in taken)
        taken.update(endpoint.path for endpoint in own)
        yield replace(product.itself, endpoints=own)


def passing_of(endpoint: Endpoint, products: Iterable[Product]) -> TokenPassing:
    """How the token of a call to an endpoint is passed: as in its version, in all products that have it at its path."""
    found = [
        product.version_of(each).token
        for product in products
        for each in (*product.endpoints, *product.itself.endpoints)
        if each.path == endpoint.path
    ]
    return TokenPassing(
        bearer=any(each.bearer for each in found),
        header=next((each.header for each in found if each.header), None),
        parameter=next((each.parameter for each in found if each.parameter), None),
    )


class Versions:
    """Finds the product and version of a path that leads to no endpoint: its error has that version's form.

    A path that begins like none of them belongs to the newest version of the first product, unless it has the prefix
    of another.
    """

    def __init__(self, products: tuple[Product, ...]) -> None:
        self._default = (products[0], products[0].versions[-1])
        paths: dict[bytes, tuple[Product, Version]] = {}
        for product in products:
            for version in product.versions:
                paths.setdefault(version.path.encode("ascii"), (product, version))
        for product in products:
            for version in product.versions:
                if version.prefix:
                    paths.setdefault(f"{version.prefix}/".encode("ascii"), (product, version))
        self._paths = tuple(paths.items())

    def of(self, raw_path: bytes) -> tuple[Product, Version]:
        """The product and its version, for a path as it was received."""
        return next((found for start, found in self._paths if raw_path.startswith(start)), self._default)
