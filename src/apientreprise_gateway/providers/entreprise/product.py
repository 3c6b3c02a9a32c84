"""API Entreprise: the data of companies and associations, for administrations."""

from importlib.resources import files
from typing import Any, Final

from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.error_forms import OBJECTS
from apientreprise_gateway.contract.passing import TokenPassing
from apientreprise_gateway.contract.traceability import TraceabilityRule
from apientreprise_gateway.providers.entreprise import (
    ademe,
    agefiph,
    agence_bio,
    banque_de_france,
    carif_oref,
    cibtp,
    cma_france,
    cnetp,
    data_subvention,
    dgddi,
    dgfip,
    dgfip_tva,
    djepva,
    european_commission,
    fabrique_numerique,
    fntp,
    gip_mds,
    infogreffe,
    inpi,
    inpi_rne,
    insee,
    mi,
    msa,
    opqibi,
    probtp,
    qualibat,
    qualifelec,
    rna,
    urssaf,
)
from apientreprise_gateway.providers.entreprise.dossier import DOSSIER
from apientreprise_gateway.providers.entreprise.errors import TEXTS as TEXT_ERRORS
from apientreprise_gateway.providers.entreprise.groups import GROUPS
from apientreprise_gateway.providers.entreprise.introspection import INTROSPECTION
from apientreprise_gateway.providers.entreprise.replaced import REPLACED
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.providers.entreprise.texts import TEXTS
from apientreprise_gateway.providers.entreprise.use_cases import USE_CASES
from apientreprise_gateway.providers.examples import Examples
from apientreprise_gateway.providers.product import PrivilegesPage, Product, Version

PROVIDERS: Final[tuple[Provider, ...]] = (
    insee.PROVIDER,
    infogreffe.PROVIDER,
    dgfip.PROVIDER,
    urssaf.PROVIDER,
    inpi.PROVIDER,
    qualibat.PROVIDER,
    rna.PROVIDER,
    cnetp.PROVIDER,
    probtp.PROVIDER,
    msa.PROVIDER,
    opqibi.PROVIDER,
    fntp.PROVIDER,
    agefiph.PROVIDER,
    fabrique_numerique.PROVIDER,
    cma_france.PROVIDER,
    dgddi.PROVIDER,
    banque_de_france.PROVIDER,
    agence_bio.PROVIDER,
    ademe.PROVIDER,
    mi.PROVIDER,
    european_commission.PROVIDER,
    djepva.PROVIDER,
    gip_mds.PROVIDER,
    qualifelec.PROVIDER,
    carif_oref.PROVIDER,
    inpi_rne.PROVIDER,
    cibtp.PROVIDER,
    dgfip_tva.PROVIDER,
    data_subvention.PROVIDER,
)
"""Every provider of the catalogue, by code prefix."""

_PASSING: Final = TokenPassing(bearer=True, parameter="token")
_REQUIRED: Final = ("context", "object", "recipient")
_FLAT: Final = TraceabilityRule(required=_REQUIRED, siret_recipient=False)
_LATER: Final = TraceabilityRule(required=_REQUIRED, siret_recipient=True)

_PRIVILEGES: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "object",
            "description": "Ce que le jeton ouvre.",
            "required": ["privileges"],
            "properties": {
                "privileges": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "Les droits du jeton, triés.",
                }
            },
        }
    },
}

ENTREPRISE: Final = Product(
    key="api_entreprise",
    name="entreprise",
    title="API Entreprise",
    versions=(
        Version(number=2, token=_PASSING, traceability=_FLAT, errors=TEXT_ERRORS),
        Version(number=3, token=_PASSING, traceability=_LATER, errors=OBJECTS),
        Version(number=4, token=_PASSING, traceability=_LATER, errors=OBJECTS),
    ),
    groups=GROUPS,
    providers=PROVIDERS,
    dossier=DOSSIER,
    introspection=INTROSPECTION,
    privileges=(
        PrivilegesPage(
            "/privileges",
            _PASSING,
            lambda _, scopes: {"data": {"privileges": sorted(scopes)}},
            OBJECTS,
            _PRIVILEGES,
        ),
        PrivilegesPage("/v2/privileges", _PASSING, lambda _, scopes: {"privileges": sorted(scopes)}, TEXT_ERRORS),
    ),
    use_cases=USE_CASES,
    replaced=REPLACED,
    schemas=SCHEMAS,
    examples=Examples((files(__package__) / "examples.json").read_bytes),
    specification="/openapi.yaml",
    errors="/errors",
    texts=TEXTS,
)
