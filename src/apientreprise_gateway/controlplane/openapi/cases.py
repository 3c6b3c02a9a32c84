"""The errors that operations may answer with. The nomenclature of errors is made from the same cases."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Final

from apientreprise_gateway.contract import traceability
from apientreprise_gateway.contract.codes import ACCESS_TOKEN_ERRORS, GATEWAY_ERRORS, PROVIDER_ERRORS, Source
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.contract.error_forms import ErrorForm
from apientreprise_gateway.contract.errors import (
    ApiError,
    Refusal,
    gateway_error,
    network_error,
    provider_error,
    refuse,
)
from apientreprise_gateway.contract.france_connect import FAILURES, FRANCE_CONNECT, NOT_CONNECTED
from apientreprise_gateway.contract.identification import Identification, Meaning
from apientreprise_gateway.contract.parameters import Parameter
from apientreprise_gateway.controlplane.openapi.parameters import checked_of, is_recipient_optional, required_of
from apientreprise_gateway.providers.dossier import Dossier
from apientreprise_gateway.providers.product import Product

_TOO_MANY: Final = "00429"
# The published ranges: 002xx is traceability, 003xx the parameters, 004xx the request as such.
NOT_KEPT: Final = "00502"
"""Code of the error where the document of an answer could not be stored."""
_OF_REQUESTS: Final = ("00907", "00909")
"""Errors of ours about a request as such, or about one that names no operation of the data plane."""
_OF_LINKS: Final = frozenset({"00403", "00408", "00409"})
"""Errors of downloads of documents."""
_GONE: Final = "00910"
_OF_SOME: Final = frozenset({NOT_KEPT, "00902", "00903", _GONE, NOT_CONNECTED, *_OF_REQUESTS})
"""Codes outside the ranges 002xx to 004xx that not every operation may answer with."""
EVERYWHERE: Final = tuple(
    code
    for code in GATEWAY_ERRORS
    if code == _TOO_MANY or (code not in _OF_SOME and not code.startswith(("002", "003", "004")))
)
"""The gateway's own errors that any operation may answer with, whatever its parameters."""
TOKEN_REFUSED: Final = tuple(code for code, kind in GATEWAY_ERRORS.items() if kind.status == 401)
"""Codes with which a token is refused (401)."""


def off_operation(product: Product) -> tuple[str, ...]:
    """Codes for requests that name no operation, for which an OpenAPI document has no place."""
    has_links = any(endpoint.document is not None for endpoint in product.endpoints)
    own = (
        code
        for code in sorted(GATEWAY_ERRORS)
        if code.startswith("004") and code != _TOO_MANY and (has_links or code not in _OF_LINKS)
    )
    return (*own, *_OF_REQUESTS, *((_GONE,) if product.gone else ()))


@dataclass(frozen=True, slots=True)
class Case:
    """One error that an operation may answer with."""

    status: int
    error: ApiError
    key: str
    """Name of its example."""
    asked: bool = False
    """Whether it comes once the provider was asked."""


def _case(refusal: Refusal, name: str = "") -> Case:
    (error,) = refusal.errors
    return Case(refusal.status, error, f"{error.code}-{name}" if name else error.code)


def own_case(code: str) -> Case:
    """One of the gateway's own errors."""
    network = network_error()
    if code == network.errors[0].code:
        return replace(_case(network), asked=True)
    return _case(refuse(code))


def _parameter_case(parameter: Parameter, code: str) -> Case:
    name = parameter.kind.source or parameter.name
    source: Source = {"parameter": name}
    usual = gateway_error(code).source == source
    return _case(refuse(code, source=source), "" if usual else name)


_ABOUT: Final[Mapping[str, tuple[Meaning, ...]]] = {
    "00317": (Meaning.BIRTH_TOWN_NAME,),
    "00351": (Meaning.POSTCODE,),
    "00352": (Meaning.ALLOWANCE,),
    "00354": (Meaning.BENEFIT_MONTH,),
    "00356": (Meaning.BENEFIT_YEAR,),
    "00360": (Meaning.INE,),
    "00361": (Meaning.USED_NAME, Meaning.BIRTH_NAME),
    "00362": (Meaning.FIRST_NAMES,),
    "00363": (Meaning.BIRTH_YEAR, Meaning.BIRTH_DATE),
    "00364": (Meaning.SEX,),
    "00365": (Meaning.BIRTH_TOWN,),
    "00367": (Meaning.FIRST_NAMES,),
    "00368": (Meaning.CAMPAIGN_YEAR,),
    "00380": (Meaning.ACCOUNT,),
    "00400": (Meaning.BIRTH_COUNTRY,),
    "00410": (Meaning.SCHOOL,),
    "00411": (Meaning.SCHOOL_YEAR,),
    "00412": (Meaning.SCHOOL_LEVEL,),
    "00413": (Meaning.DEPARTMENTS,),
    "00414": (Meaning.DEPARTMENTS,),
    "00415": (Meaning.SCHOOL,),
    "00416": (Meaning.DEPARTMENTS,),
    "00417": (Meaning.REGIONS,),
    "00419": (Meaning.SCHOOL,),
    "00420": (Meaning.BIRTH_NAME,),
    "00421": (Meaning.FIRST_NAMES,),
    "00422": (Meaning.BIRTH_YEAR,),
    "00423": (Meaning.BIRTH_MONTH,),
    "00424": (Meaning.BIRTH_DAY,),
    "00425": (Meaning.BIRTH_YEAR,),
    "00427": (Meaning.SEX,),
    "00428": (Meaning.BIRTH_DEPARTMENT,),
    "00430": (Meaning.PLATE,),
}
"""What each error of an identity is about; of several, the first that an operation knows."""


def _person_case(person: Identification, code: str) -> Case:
    """An error of an identity, of the parameter that it is usually about."""
    name = next(found.name for found in map(person.named, _ABOUT[code]) if found is not None)
    return _case(refuse(code, source={"parameter": name}), name.replace("[]", ""))


def cases_of(endpoint: Endpoint, provider: Provider, product: Product) -> Iterator[Case]:
    """Every error that an endpoint may answer with."""
    yield from map(own_case, EVERYWHERE)
    if endpoint.document is not None:
        yield own_case(NOT_KEPT)
    yield from map(own_case, _traceability_codes(endpoint, product))
    for parameter in checked_of(endpoint):
        for code in parameter.kind.codes:
            yield _parameter_case(parameter, code)
    if endpoint.person is not None:
        for code in endpoint.person.codes:
            yield _person_case(endpoint.person, code)
    yield from _provider_cases(endpoint, provider)


def _traceability_codes(endpoint: Endpoint, product: Product) -> Iterator[str]:
    for name in required_of(endpoint, product):
        yield traceability.CODES[name]
    if is_recipient_optional(endpoint, product) and endpoint.person is not None and endpoint.person.france_connect:
        yield traceability.CODES["recipient"]  # calls with a token of FranceConnect need one
    if product.version_of(endpoint).traceability.siret_recipient:
        yield traceability.NOT_A_SIRET


def _provider_cases(endpoint: Endpoint, provider: Provider) -> Iterator[Case]:
    for subcode in PROVIDER_ERRORS:
        if _may_say(subcode, endpoint, provider):
            yield replace(_case(provider_error(subcode, prefix=provider.prefix, name=provider.name)), asked=True)
    for status, codes in endpoint.codes.items():
        for code in codes:
            yield replace(_case(provider.own_error(code, status=status)), asked=True)
    yield from _france_connect_cases(endpoint)


def _france_connect_cases(endpoint: Endpoint) -> Iterator[Case]:
    """Every error about an access token of FranceConnect, where an endpoint takes one."""
    if endpoint.person is None or not endpoint.person.france_connect:
        return
    yield own_case(NOT_CONNECTED)
    yield from map(own_case, ACCESS_TOKEN_ERRORS)
    for subcode in FAILURES:
        yield _case(provider_error(subcode, prefix=FRANCE_CONNECT.prefix, name=FRANCE_CONNECT.name))


OF_FRANCE_CONNECT: Final = frozenset(
    {NOT_CONNECTED, *ACCESS_TOKEN_ERRORS, *(FRANCE_CONNECT.prefix + each for each in FAILURES)}
)
"""Codes of the errors about access tokens of FranceConnect."""


_OF_PARTS: Final = frozenset({"00015", "00100", "00107", "00501"})
"""Codes of errors that a part of a dossier may have, but never the dossier itself."""


def dossier_cases(dossier: Dossier, product: Product) -> Iterator[Case]:
    """Every error that a dossier itself may answer with, leaving aside those of its parts."""
    endpoint = dossier.endpoint
    codes = [code for code in EVERYWHERE if code not in _OF_PARTS]
    codes += [traceability.CODES[name] for name in required_of(endpoint, product, user_id_required=False)]
    codes += [traceability.NOT_A_SIRET, *(code for each in endpoint.parameters for code in each.kind.codes)]
    return map(own_case, (*codes, "00902", "00903"))


def status_of(case: Case, form: ErrorForm) -> int:
    """The status at which a form answers with an error, which may be another than that of the error."""
    return form.render(Refusal(case.status, case.error), None)[0]


def by_status(cases: Iterable[Case]) -> Iterator[tuple[int, list[Case]]]:
    """Cases by their status, in ascending order."""
    status = attrgetter("status")
    for found, group in groupby(sorted(cases, key=status), status):
        yield found, list(group)


def _may_say(subcode: str, endpoint: Endpoint, provider: Provider) -> bool:
    if subcode == "005":
        return subcode in provider.statuses.values()
    return not is_about_file(subcode) or endpoint.answer is AnswerKind.DOCUMENT


def is_about_file(code: str) -> bool:
    """Whether an error of a provider is about a file."""
    return code[-3:].startswith("05")
