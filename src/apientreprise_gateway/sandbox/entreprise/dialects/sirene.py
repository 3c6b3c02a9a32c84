"""The fictive API Sirene 3.11, as it answers administrations: with all data, also of units that are not public."""

import re
from typing import Any, Final
from urllib.parse import parse_qs, quote

from apientreprise_gateway.sandbox.entreprise.dialects.reply import DialectReply, reply
from apientreprise_gateway.sandbox.entreprise.directory import DIRECTORY
from apientreprise_gateway.sandbox.entreprise.entities import Address, Coded, Diffusion, Entity, Establishment, Link

_NUMBER: Final = re.compile(r"/(siren|siret)/(\d+)", re.ASCII)
_SEAT: Final = re.compile(r"siren:(\d{9}) AND etablissementSiege:true", re.ASCII)
_EITHER_SIDE: Final = re.compile(
    r"siretEtablissementPredecesseur:(\d{14}) OR siretEtablissementSuccesseur:(\d{14})", re.ASCII
)
_STATUSES: Final = {Diffusion.FULL: "O", Diffusion.PARTIAL: "P", Diffusion.NONE: "N"}
_FIRST_NAMES: Final = 4
_MOVED_TO: Final = "/dialects/sirene-3.11"
_CLOCK: Final = "T08:36:24"
"""The time of day of every update."""

Json = dict[str, Any]


def speak(path: str, query: str) -> DialectReply:
    """The answer to a call, by its path and query."""
    number = _NUMBER.fullmatch(path)
    if number is not None:
        return _unit(number[2]) if number[1] == "siren" else _place(number[2])
    search = (parse_qs(query).get("q") or [""])[0]
    seat, either = _SEAT.fullmatch(search), _EITHER_SIDE.fullmatch(search)
    if path == "/siret" and seat is not None:
        return _seats(seat[1])
    if path == "/siret/liensSuccession" and either is not None and either[1] == either[2]:
        return _links(either[1])
    return reply(400, _header(400, "Requête non comprise"))


def _header(status: int, message: str, **more: int) -> Json:
    return {"header": {"statut": status, "message": message, **more}}


def _nobody(number: str) -> DialectReply:
    return reply(404, _header(404, f"Aucun élément ne porte le numéro {number}"), number)


def _forbidden(number: str) -> DialectReply:
    return reply(403, _header(403, f"Droits insuffisants pour {number}"), number)


def _unit(siren: str) -> DialectReply:
    entity = DIRECTORY.get(siren)
    if entity is None or entity.siren != siren:
        return _nobody(siren)
    if entity.replaced_by is not None:
        location = f"{_MOVED_TO}/siren/{entity.replaced_by.siren}"
        return reply(301, _header(301, f"{siren} est un doublon"), siren, location=location)
    if entity.diffusion is Diffusion.NONE:
        return _forbidden(siren)
    fields = {**_unit_fields(entity), "nombrePeriodesUniteLegale": 1, "periodesUniteLegale": _unit_periods(entity)}
    return reply(200, {**_header(200, "OK"), "uniteLegale": {"siren": siren, **fields}}, siren)


def _place(siret: str) -> DialectReply:
    entity = DIRECTORY.get(siret)
    if entity is None or entity.siren == siret:
        return _nobody(siret)
    if entity.replaced_by is not None:
        search = quote(f"siren:{entity.replaced_by.siren}", safe="")
        location = f"{_MOVED_TO}/siret?q={search}"
        return reply(301, _header(301, f"{siret} est d'un doublon"), siret, location=location)
    if entity.diffusion is Diffusion.NONE:
        return _forbidden(siret)
    place = _place_fields(entity, entity.establishment(siret))
    return reply(200, {**_header(200, "OK"), "etablissement": place}, siret)


def _seats(siren: str) -> DialectReply:
    """The search for head offices, which leaves out units that may not be given or were replaced."""
    entity = DIRECTORY.get(siren)
    if entity is None or entity.replaced_by is not None or entity.diffusion is Diffusion.NONE:
        return _nobody(siren)
    seats = [_place_fields(entity, place) for place in entity.establishments if entity.is_seat(place)]
    return reply(200, {**_found(len(seats)), "etablissements": seats}, siren)


def _links(siret: str) -> DialectReply:
    entity = DIRECTORY.get(siret)
    if entity is not None and entity.diffusion is Diffusion.NONE:
        return _forbidden(siret)
    if entity is None or entity.replaced_by is not None:
        return _nobody(siret)
    place = entity.establishment(siret)
    links = [
        *(_link(link, before=link.siret, after=siret) for link in place.predecessors),
        *(_link(link, before=siret, after=link.siret) for link in place.successors),
    ]
    return reply(200, {**_found(len(links)), "liensSuccession": links}, siret) if links else _nobody(siret)


def _found(count: int) -> Json:
    return _header(200, "OK", total=count, debut=0, nombre=count)


def _link(link: Link, *, before: str, after: str) -> Json:
    return {
        "siretEtablissementPredecesseur": before,
        "siretEtablissementSuccesseur": after,
        "dateLienSuccession": link.day,
        "transfertSiege": link.moves_seat,
        "continuiteEconomique": link.continues,
        "dateDernierTraitementLienSuccession": link.day + _CLOCK,
    }


def _unit_fields(entity: Entity) -> Json:
    """The fields of a legal unit that do not depend on a period."""
    person = entity.person
    first_names = () if person is None else person.first_names
    return {
        "statutDiffusionUniteLegale": _STATUSES[entity.diffusion],
        "unitePurgeeUniteLegale": None,
        "dateCreationUniteLegale": entity.created,
        "sigleUniteLegale": entity.acronym,
        "sexeUniteLegale": None if person is None else person.sex,
        **{
            f"prenom{rank}UniteLegale": first_names[rank - 1] if rank <= len(first_names) else None
            for rank in range(1, _FIRST_NAMES + 1)
        },
        "prenomUsuelUniteLegale": first_names[0] if first_names else None,
        "pseudonymeUniteLegale": None if person is None else person.pseudonym,
        "identifiantAssociationUniteLegale": entity.rna,
        "trancheEffectifsUniteLegale": entity.band.code,
        "anneeEffectifsUniteLegale": entity.band.year,
        "dateDernierTraitementUniteLegale": entity.updated + _CLOCK,
        "categorieEntreprise": entity.category,
        "anneeCategorieEntreprise": entity.band.year,
        "activitePrincipaleNAF25UniteLegale": _code(entity.activity_2025),
    }


def _code(coded: Coded | None) -> str | None:
    return None if coded is None else coded.code


def _unit_periods(entity: Entity) -> list[Json]:
    """The periods of a legal unit, the current one first."""
    now = _unit_period(entity)
    if entity.closed is None:
        return [{**now, "dateDebut": entity.created}]
    ended = {"dateDebut": entity.closed, "changementEtatAdministratifUniteLegale": True}
    before = {"dateFin": entity.closed, "dateDebut": entity.created, "etatAdministratifUniteLegale": "A"}
    return [{**now, **ended}, {**now, **before}]


def _unit_period(entity: Entity) -> Json:
    person = entity.person
    return {
        "dateFin": None,
        "etatAdministratifUniteLegale": "A" if entity.closed is None else "C",
        "changementEtatAdministratifUniteLegale": False,
        "nomUniteLegale": None if person is None else person.name,
        "nomUsageUniteLegale": None if person is None else person.usage_name,
        "denominationUniteLegale": entity.name,
        "denominationUsuelle1UniteLegale": entity.trade_name,
        "denominationUsuelle2UniteLegale": None,
        "denominationUsuelle3UniteLegale": None,
        "categorieJuridiqueUniteLegale": entity.legal_form.code,
        "activitePrincipaleUniteLegale": entity.activity.code,
        "nomenclatureActivitePrincipaleUniteLegale": "NAFRev2",
        "nicSiegeUniteLegale": entity.head_office.siret[9:],
        "economieSocialeSolidaireUniteLegale": "O" if entity.social_economy else "N",
        "societeMissionUniteLegale": None,
        "caractereEmployeurUniteLegale": None,
    }


def _place_fields(entity: Entity, place: Establishment) -> Json:
    """The fields of an establishment that do not depend on a period, with its unit, which has no periods here."""
    period = _unit_period(entity)
    unit = {name: value for name, value in period.items() if not name.startswith(("date", "changement"))}
    return {
        "siren": entity.siren,
        "nic": place.siret[9:],
        "siret": place.siret,
        "statutDiffusionEtablissement": _STATUSES[entity.diffusion],
        "dateCreationEtablissement": place.created,
        "trancheEffectifsEtablissement": entity.band.code,
        "anneeEffectifsEtablissement": entity.band.year,
        "activitePrincipaleRegistreMetiersEtablissement": None,
        "dateDernierTraitementEtablissement": entity.updated + _CLOCK,
        "etablissementSiege": entity.is_seat(place),
        "activitePrincipaleNAF25Etablissement": _code(entity.activity_2025),
        "uniteLegale": {**unit, **_unit_fields(entity)},
        "adresseEtablissement": _address(place.address),
        "adresse2Etablissement": {f"{name}2Etablissement": None for name in ("numeroVoie", "typeVoie", "libelleVoie")},
        "nombrePeriodesEtablissement": 1,
        "periodesEtablissement": _place_periods(entity, place),
    }


def _place_periods(entity: Entity, place: Establishment) -> list[Json]:
    now = {
        "dateFin": None,
        "dateDebut": place.created,
        "etatAdministratifEtablissement": "A",
        "changementEtatAdministratifEtablissement": False,
        "enseigne1Etablissement": place.brand,
        "enseigne2Etablissement": None,
        "enseigne3Etablissement": None,
        "denominationUsuelleEtablissement": None,
        "activitePrincipaleEtablissement": entity.activity.code,
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
        "caractereEmployeurEtablissement": None,
    }
    if entity.closed is None:
        return [now]
    ended = {
        "dateDebut": entity.closed,
        "etatAdministratifEtablissement": "F",
        "changementEtatAdministratifEtablissement": True,
    }
    return [{**now, **ended}, {**now, "dateFin": entity.closed}]


def _address(address: Address) -> Json:
    abroad = address.country is not None
    return {
        "complementAdresseEtablissement": address.extra,
        "numeroVoieEtablissement": address.number,
        "indiceRepetitionEtablissement": address.repetition,
        "dernierNumeroVoieEtablissement": None,
        "indiceRepetitionDernierNumeroVoieEtablissement": None,
        "typeVoieEtablissement": address.street_code,
        "libelleVoieEtablissement": address.street,
        "codePostalEtablissement": address.postcode or None,
        "libelleCommuneEtablissement": None if abroad else address.city,
        "libelleCommuneEtrangerEtablissement": address.city if abroad else None,
        "distributionSpecialeEtablissement": address.distribution,
        "codeCommuneEtablissement": address.city_code or None,
        "codeCedexEtablissement": _code(address.cedex),
        "libelleCedexEtablissement": address.cedex and address.cedex.label,
        "codePaysEtrangerEtablissement": _code(address.country),
        "libellePaysEtrangerEtablissement": address.country and address.country.label,
    }
