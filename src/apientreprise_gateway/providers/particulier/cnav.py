"""CNAV: whether a person receives a benefit, which the social security answers from what all funds report to it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.endpoint import Endpoint, Ping, Provider
from apientreprise_gateway.contract.errors import SpecificError
from apientreprise_gateway.contract.lifetime import HOUR
from apientreprise_gateway.contract.masks import MaskRules
from apientreprise_gateway.providers.particulier.errors import (
    ABSENT_AT_BOTH,
    ABSENT_AT_CNAF,
    ABSENT_AT_MSA,
    REFUSED_IDENTITY,
)
from apientreprise_gateway.providers.particulier.groups import PARTICULIER
from apientreprise_gateway.providers.particulier.masks import shown
from apientreprise_gateway.providers.particulier.parameters import CIVILITY_CNAV, CIVILITY_CNAV_V2, FRANCE_CONNECT

Codes = Mapping[int, tuple[str, ...]]

_TAG: Final = "Prestations sociales"
_UNKNOWN_IDENTITY: Final = "36560"
_ABSENT_AT_RNCPS: Final = "40003"

_ERRORS: Final[Mapping[str, SpecificError]] = MappingProxyType(
    {
        **ABSENT_AT_MSA,
        **ABSENT_AT_CNAF,
        **ABSENT_AT_BOTH,
        **REFUSED_IDENTITY,
        _UNKNOWN_IDENTITY: SpecificError(
            "Identité inconnue", "La Sécurité sociale ne reconnaît pas la personne à l'identité donnée."
        ),
        _ABSENT_AT_RNCPS: SpecificError(
            "Dossier allocataire absent RNCPS",
            "Le répertoire national commun de la protection sociale ne connaît pas cette personne.",
            MappingProxyType({"provider": "RNCPS"}),
        ),
    }
)

_AT_FUNDS: Final[Codes] = MappingProxyType({404: ("10003", "23003", "35003"), 422: ("00366",)})
"""What is said by the one fund or the other that would pay a benefit, and of an identity that is refused."""
_NONE: Final[Codes] = MappingProxyType({})

_EAJE: Final = "cnav_participation_familiale_eaje_"
_ADULTS: Final = ("allocation_adulte_handicape",)
_CHILDREN: Final = ("cnav_allocation_enfant_handicape",)
_FAMILY: Final = ("allocation_soutien_familial",)
_HEALTH: Final = ("complementaire_sante_solidaire",)
_SCHOOL: Final = ("cnav_allocation_rentree_scolaire",)
_CARE: Final = tuple(_EAJE + part for part in ("allocataires", "enfants", "adresse", "parametres_calcul"))
_ACTIVITY: Final = ("prime_activite", "prime_activite_majoration")
_SOLIDARITY: Final = ("revenu_solidarite_active", "revenu_solidarite_active_majoration")


def _later(
    name: str,
    summary: str,
    scopes: tuple[str, ...],
    mask: MaskRules | None,
    *,
    codes: Codes,
    by_token: Codes | None = None,
) -> tuple[Endpoint, Endpoint]:
    """A benefit in v3: asked for by identity, and by a token of FranceConnect.

    Args:
        name: as operations and paths call it.
        summary: one line of French.
        scopes: any one of them opens it.
        mask: what each of them shows.
        codes: the provider's own errors.
        by_token: those by a token of FranceConnect, where they are others.
    """
    published = f"api_particulier_v3_cnav_{name}_with"
    return (
        Endpoint(
            operation=f"{published}_civility",
            path=f"/v3/dss/{name}/identite",
            summary=summary,
            tag=_TAG,
            scopes=scopes,
            parameters=(),
            group=PARTICULIER,
            person=CIVILITY_CNAV,
            mask=mask,
            cache=HOUR,
            codes=codes,
        ),
        Endpoint(
            operation=f"{published}_france_connect",
            path=f"/v3/dss/{name}/france_connect",
            summary=f"{summary}, par FranceConnect",
            tag=_TAG,
            scopes=scopes,
            parameters=(),
            group=PARTICULIER,
            person=FRANCE_CONNECT,
            mask=mask,
            cache=HOUR,
            codes=codes if by_token is None else by_token,
        ),
    )


def _flat(name: str, summary: str, scopes: tuple[str, ...], mask: MaskRules) -> Endpoint:
    """A benefit in v2."""
    return Endpoint(
        operation=f"api_particulier_v2_cnav_{name}",
        path=f"/api/v2/{name.replace('_', '-')}",
        summary=summary,
        tag=_TAG,
        scopes=scopes,
        parameters=(),
        group=PARTICULIER,
        person=CIVILITY_CNAV_V2,
        mask=mask,
        cache=HOUR,
        deprecated=True,
    )


def _benefit(*scopes: str, **others: str) -> MaskRules:
    """What shows a benefit from v3 on: the first scope whether it is received, others what they name."""
    return shown({"est_beneficiaire": scopes[0], "date_debut_droit": scopes[0], **others})


def _benefit_v2(scope: str, *ends: str, **others: str) -> MaskRules:
    return shown({"status": scope, "dateDebut": scope, **dict.fromkeys(ends, scope), **others}, start="")


_CARE_MASK: Final = shown(
    {
        "allocataires": f"{_EAJE}allocataires",
        "enfants": f"{_EAJE}enfants",
        "adresse": f"{_EAJE}adresse",
        "parametres_calcul_participation_familiale": f"{_EAJE}parametres_calcul",
    }
)


def _ping(key: str, name: str, benefit: str) -> Ping:
    """The ping of a benefit; its calls alone tell, as there is nobody whom the gateway might ask about."""
    later = f"api_particulier_v3_cnav_{benefit}_with"
    flat = f"api_particulier_v2_cnav_{benefit}"
    return Ping(
        key=key,
        name=name,
        probe=f"{later}_civility",
        cache_seconds=1800,
        operations=(f"{later}_civility", f"{later}_france_connect", *([flat] if benefit in _IN_V2 else [])),
        probed=False,
    )


_IN_V2: Final = frozenset((*_ADULTS, *_FAMILY, *_HEALTH, "prime_activite", "revenu_solidarite_active"))
"""The benefits that v2 knows, as operations call them."""

PROVIDER: Final = Provider(
    key="cnav",
    name="Sécurité sociale",
    prefix="36",
    endpoints=(
        *_later(
            "allocation_adulte_handicape",
            "Allocation aux adultes handicapés (AAH) : la personne en bénéficie-t-elle ?",
            _ADULTS,
            _benefit(*_ADULTS),
            codes=_AT_FUNDS,
        ),
        *_later(
            "allocation_enfant_handicape",
            "Allocation d'éducation de l'enfant handicapé (AEEH) : la personne la reçoit-elle ?",
            _CHILDREN,
            None,
            codes=_AT_FUNDS,
        ),
        *_later(
            "allocation_soutien_familial",
            "Allocation de soutien familial (ASF) : la personne en bénéficie-t-elle ?",
            _FAMILY,
            _benefit(*_FAMILY),
            codes=_AT_FUNDS,
        ),
        *_later(
            "allocation_rentree_scolaire",
            "Allocation de rentrée scolaire (ARS) : la personne la reçoit-elle, ou y ouvre-t-elle droit ?",
            _SCHOOL,
            None,
            codes=MappingProxyType({404: ("35003",), 422: (_UNKNOWN_IDENTITY,)}),
        ),
        *_later(
            "complementaire_sante_solidaire",
            "Complémentaire santé solidaire (C2S) : la personne en bénéficie-t-elle, avec ou sans participation ?",
            _HEALTH,
            _benefit(*_HEALTH, avec_participation=_HEALTH[0]),
            codes=MappingProxyType({404: (_ABSENT_AT_RNCPS,), 422: ("00366",)}),
            by_token=MappingProxyType({404: ("35003", _ABSENT_AT_RNCPS), 422: ("00366",)}),
        ),
        *_later(
            "participation_familiale_eaje",
            "Ce dont dépend la participation d'une famille à l'accueil de ses jeunes enfants",
            _CARE,
            _CARE_MASK,
            codes=_NONE,
        ),
        *_later(
            "prime_activite",
            "Prime d'activité : la personne en bénéficie-t-elle, majorée ou non ?",
            _ACTIVITY,
            _benefit(*_ACTIVITY, avec_majoration=_ACTIVITY[1]),
            codes=_AT_FUNDS,
        ),
        *_later(
            "revenu_solidarite_active",
            "Revenu de solidarité active (RSA) : la personne en bénéficie-t-elle, majoré ou non ?",
            _SOLIDARITY,
            _benefit(*_SOLIDARITY, avec_majoration=_SOLIDARITY[1]),
            codes=_AT_FUNDS,
        ),
        _flat(
            "allocation_adulte_handicape",
            "Allocation aux adultes handicapés (AAH) d'une personne",
            _ADULTS,
            _benefit_v2(*_ADULTS),
        ),
        _flat(
            "allocation_soutien_familial",
            "Allocation de soutien familial (ASF) d'une personne",
            _FAMILY,
            _benefit_v2(*_FAMILY, "dateFin"),
        ),
        _flat(
            "complementaire_sante_solidaire",
            "Complémentaire santé solidaire (C2S) d'une personne",
            _HEALTH,
            _benefit_v2(*_HEALTH, "dateFin"),
        ),
        _flat(
            "prime_activite",
            "Prime d'activité d'une personne",
            _ACTIVITY,
            _benefit_v2(_ACTIVITY[0], "dateFin", majoration=_ACTIVITY[1]),
        ),
        _flat(
            "revenu_solidarite_active",
            "Revenu de solidarité active (RSA) d'une personne",
            _SOLIDARITY,
            _benefit_v2(_SOLIDARITY[0], "dateFin", majoration=_SOLIDARITY[1]),
        ),
    ),
    pings=(
        _ping(
            "securite_sociale_complementaire_sante_solidaire",
            "Sécurité sociale - Complémentaire santé solidaire",
            "complementaire_sante_solidaire",
        ),
        _ping(
            "cnaf_msa_revenu_solidarite_active", "CNAF & MSA - Revenu de solidarité active", "revenu_solidarite_active"
        ),
        _ping(
            "cnaf_msa_allocation_soutien_familial",
            "CNAF & MSA - Allocation de soutien familial",
            "allocation_soutien_familial",
        ),
        _ping(
            "cnaf_msa_allocation_adulte_handicape",
            "CNAF & MSA - Allocation aux adultes handicapés",
            "allocation_adulte_handicape",
        ),
        _ping("cnaf_msa_prime_activite", "CNAF & MSA - Prime d'activité", "prime_activite"),
        _ping(
            "cnaf_msa_participation_familiale_eaje",
            "CNAF & MSA - Participation familiale à l'accueil du jeune enfant",
            "participation_familiale_eaje",
        ),
        _ping(
            "cnav_allocation_enfant_handicape",
            "CNAV - Allocation d'éducation de l'enfant handicapé",
            "allocation_enfant_handicape",
        ),
        _ping(
            "cnav_allocation_rentree_scolaire",
            "CNAV - Allocation de rentrée scolaire",
            "allocation_rentree_scolaire",
        ),
    ),
    errors=_ERRORS,
)
