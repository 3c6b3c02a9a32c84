"""What is said of job seekers, of national and civic service, of athletes and of vehicles."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.sandbox.particulier.answers.shape import (
    Answer,
    Body,
    Details,
    Unknown,
    day,
    envelope,
    first_names,
)
from apientreprise_gateway.sandbox.particulier.person import Contract, Household, JobSeeker, Person

_CATEGORIES: Final = (
    "PERSONNE SANS EMPLOI DISPONIBLE DUREE INDETERMINEE PLEIN TPS",
    "PERSONNE SANS EMPLOI DISPONIBLE DUREE INDETERMINEE PARTIEL",
    "PERSONNE SANS EMPLOI DISPONIBLE DUREE DETERMINEE OU SAISON",
    "PERSONNE SANS EMPLOI NON DISPONIBLE IMMEDIATEMENT",
    "PERSONNE POURVUE D'UN EMPLOI A LA RECHERCHE D'UN AUTRE",
)
_PAYMENTS: Final = (("2026-10-05", 842.5, 802.5, 40.0, 0.0), ("2026-09-05", 815.0, 790.0, 0.0, 25.0))
"""The date of each payment, its sum, and of that what is allowance, aid and other."""
_PHONE: Final = "0199000102"
_OTHER_AGE: Final = "39400"
_OTHER_OWNER: Final = "42005"
_ABROAD: Final = "99"
"""Stands for a department of birth outside France."""


def _seeker(person: Person) -> JobSeeker:
    if person.job_seeker is None:
        raise Unknown
    return person.job_seeker


def _payments(person: Person, fields: tuple[str, ...]) -> Body:
    seeker = _seeker(person)
    if not seeker.paid:
        raise Unknown
    return {
        "identifiant": seeker.identifier,
        "paiements": [dict(zip(fields, payment, strict=True)) for payment in _PAYMENTS],
    }


def _paid(person: Person, _home: Household, _details: Details) -> Body:
    fields = ("date_versement", "montant_total", "montant_allocations", "montant_aides", "montant_autres")
    return envelope(_payments(person, fields))


def _paid_v2(person: Person, _home: Household, _details: Details) -> Body:
    return _payments(person, ("date", "montant", "allocations", "aides", "autres"))


def _title(person: Person) -> str:
    return "M." if person.sex == "M" else "MME"


def _registration(person: Person, home: Household, _details: Details) -> Body:
    seeker, address = _seeker(person), home.address
    return envelope(
        {
            "identifiant": seeker.identifier,
            "identite": {
                "civilite": _title(person),
                "nom_naissance": person.birth_name,
                "nom_usage": person.used_name or None,
                "prenom": person.first_names[0],
                "sexe": person.sex,
                "date_naissance": person.birth.isoformat(),
            },
            "contact": {"telephone": _PHONE, "telephone2": None, "email": person.email},
            "adresse": {
                "code_postal": address.postcode,
                "code_cog_insee_commune": address.commune.code,
                "localite": address.commune.name.upper(),
                "ligne_voie": address.street,
                "ligne_complement_destinataire": None,
                "ligne_complement_adresse": address.extra,
                "ligne_complement_distribution": None,
                "ligne_nom": f"{_title(person)} {person.first_names[0]} {person.name}",
            },
            "inscription": {
                "date_debut": seeker.registered.isoformat(),
                "date_fin": day(seeker.ended),
                "categorie": {"code": seeker.category, "libelle": _CATEGORIES[seeker.category - 1]},
                "code_certification_cnav": "VC",
            },
        }
    )


def _registration_v2(person: Person, home: Household, _details: Details) -> Body:
    seeker, address = _seeker(person), home.address
    return {
        "identifiant": seeker.identifier,
        "civilite": _title(person),
        "nom": person.birth_name,
        "nomUsage": person.used_name or None,
        "prenom": person.first_names[0],
        "sexe": person.sex,
        "dateNaissance": person.birth.isoformat(),
        "codeCertificationCNAV": "VC",
        "telephone": _PHONE,
        "telephone2": None,
        "email": person.email,
        "adresse": {
            "codePostal": address.postcode,
            "INSEECommune": address.commune.code,
            "localite": address.commune.name.upper(),
            "ligneVoie": address.street,
            "ligneComplementDestinataire": None,
            "ligneComplementAdresse": address.extra,
            "ligneComplementDistribution": None,
            "ligneNom": f"{_title(person)} {person.first_names[0]} {person.name}",
        },
        "dateInscription": seeker.registered.isoformat(),
        "dateCessationInscription": day(seeker.ended),
        "codeCategorieInscription": seeker.category,
        "libelleCategorieInscription": _CATEGORIES[seeker.category - 1],
    }


def _national_service(person: Person, _home: Household, _details: Details) -> Body:
    if person.service == "non_concerne":
        raise Unknown(_OTHER_AGE)
    remark = None if person.service == "en_regle" else "La personne doit se faire recenser auprès de sa mairie."
    return envelope({"statut_service_national": person.service, "commentaires": remark})


def _civic_service(person: Person, _home: Household, _details: Details) -> Body:
    current = next((contract for contract in person.contracts if contract.end is None), None)
    past = next((contract for contract in person.contracts if contract.end is not None), None)
    return envelope({"statut_actuel": _contract(current), "statut_passe": _contract(past)})


def _contract(contract: Contract | None) -> Body:
    if contract is None:
        nobody = {"siret": None, "raison_sociale": None}
        return {
            "contrat_trouve": False,
            "organisme_accueil": nobody,
            "date_debut_contrat": None,
            "date_fin_contrat": None,
        }
    return {
        "contrat_trouve": True,
        "organisme_accueil": {"siret": contract.siret, "raison_sociale": contract.name},
        "date_debut_contrat": contract.start.isoformat(),
        "date_fin_contrat": day(contract.end),
    }


def _athlete(person: Person, _home: Household, _details: Details) -> Body:
    athlete = person.athlete
    if athlete is None:
        raise Unknown
    place = {
        "periode": {"date_debut_statut": athlete.since.isoformat(), "date_fin_statut": athlete.until.isoformat()},
        "federation": {
            "code_federation": athlete.federation,
            "nom_federation": athlete.federation_name,
            "nom_court_federation": athlete.federation_short,
        },
        "etablissement": {"code_etablissement": "E01", "nom_etablissement": "Pôle fictif de l'Ouest"},
        "region": {"code_region": "53", "nom_region": "Bretagne"},
        "categorie": {"code_categorie": "SEN", "nom_categorie": "Senior", "valeur": "Senior"},
        "sportif_de_haut_niveau": athlete.current,
    }
    earlier = {
        "date_debut_statut": athlete.since.replace(year=athlete.since.year - 2).isoformat(),
        "date_fin_statut": athlete.since.replace(day=1, month=10).isoformat(),
    }
    return envelope(
        {
            "identite": {
                "nom_naissance": person.birth_name,
                "nom_usage": person.name,
                "prenoms": first_names(person),
                "date_naissance": person.birth.isoformat(),
                "sexe": person.sex,
            },
            "est_sportif_de_haut_niveau": athlete.current,
            "a_ete_sportif_de_haut_niveau": True,
            "informations_statut": place,
            "informations_statuts_precedents": [{"fiche": 1, **place, "periode": earlier}],
        }
    )


def _vehicle(person: Person, home: Household, details: Details) -> Body:
    vehicle, address = person.vehicle, home.address
    plate = details.get(Meaning.PLATE, "")
    if vehicle is None or plate.upper() != vehicle.plate:
        raise Unknown(_OTHER_OWNER)
    return envelope(
        {
            "identite_particulier": {
                "nom": person.birth_name,
                "prenom": first_names(person),
                "sexe_etat_civil": person.sex,
                "annee_date_naissance": person.birth.year,
                "mois_date_naissance": person.birth.month,
                "jour_date_naissance": person.birth.day,
                "code_departement_naissance": person.birthplace.department if person.birthplace else _ABROAD,
            },
            "adresse_particulier": {
                "complement_information": address.extra,
                "num_voie": address.street.split(" ")[0],
                "type_voie": address.street.split(" ")[1],
                "libelle_voie": " ".join(address.street.split(" ")[2:]),
                "code_postal_ville": address.postcode,
                "libelle_commune": address.commune.name.upper(),
                "lieu_dit": None,
                "etage_escalier_appartement": None,
                "extension": None,
                "pays": "FRANCE",
            },
            "statut_rattachement": vehicle.link,
            "donnees_immatriculation_vehicule": {
                "numero_immatriculation": vehicle.plate,
                "date_premiere_immatriculation": vehicle.first_registered.isoformat(),
                "statut_location": _lease(vehicle.link),
            },
            "caracteristiques_techniques_vehicule": {
                "marque": vehicle.brand,
                "type_variante_version": f"{vehicle.model[:3]}-1-A",
                "denomination_commerciale": vehicle.model,
                "masse_charge_maximale": 1850,
                "categorie_vehicule": {"code": "M1", "label": "VEHICULE DE TRANSPORT DE PERSONNES"},
                "genre_national": {"code": "VP", "label": "VOITURE PARTICULIERE"},
                "cylindree": 0 if vehicle.fuel == "EL" else 1461,
                "type_carburant": {"code": vehicle.fuel, "label": vehicle.fuel_name},
                "taux_co2": 0 if vehicle.fuel == "EL" else 114,
                "classe_environnementale": {"code": "Euro 6", "label": "EURO 6"},
            },
        },
        meta={"identity_matching": {"family_name": 1.0, "given_name": 1.0, "birth_date": 1.0, "overall_match": True}},
    )


def _lease(link: str) -> Body:
    leased = link == "locataire"
    return {"code": "LLD" if leased else None, "label": "LOCATION DE LONGUE DUREE" if leased else None}


ANSWERS: Final[Mapping[str, Answer]] = {
    "v3_france_travail_indemnites": _paid,
    "v2_pole_emploi_indemnites": _paid_v2,
    "v3_france_travail_statut": _registration,
    "v2_pole_emploi_statut": _registration_v2,
    "v3_dsnj_service_national": _national_service,
    "v3_gip_mds_service_civique": _civic_service,
    "v3_sdh_statut_sportif": _athlete,
    "v3_ants_extrait_immatriculation_vehicule": _vehicle,
}
