"""What the social security says of the benefits of a person."""

from collections.abc import Callable, Mapping
from typing import Final

from apientreprise_gateway.sandbox.particulier.answers.shape import Answer, Body, Details, day, envelope
from apientreprise_gateway.sandbox.particulier.person import Benefit, Household, Person

_Say = Callable[[Benefit | None], Body]


def _since(benefit: Benefit | None) -> str | None:
    return None if benefit is None else day(benefit.since)


def _plain(benefit: Benefit | None) -> Body:
    return {"est_beneficiaire": benefit is not None, "date_debut_droit": _since(benefit)}


def _with(field: str) -> _Say:
    """As `_plain`, with a field that says whether it is more than the plain benefit."""
    return lambda benefit: _plain(benefit) | {field: None if benefit is None else benefit.more}


def _ranked(benefit: Benefit | None) -> Body:
    return {
        "status": "non_beneficiaire" if benefit is None else benefit.status,
        "date_debut_droit": _since(benefit),
    }


def _plain_v2(benefit: Benefit | None) -> Body:
    return {
        "status": "non_beneficiaire" if benefit is None else "beneficiaire",
        "dateDebut": _since(benefit),
    }


def _dated_v2(benefit: Benefit | None) -> Body:
    return _plain_v2(benefit) | {"dateFin": None}


def _increased_v2(benefit: Benefit | None) -> Body:
    return _dated_v2(benefit) | {"majoration": None if benefit is None else benefit.more}


def _health_v2(benefit: Benefit | None) -> Body:
    paying = "non_beneficiaire_css"
    if benefit is not None:
        paying = f"beneficiaire_{'avec' if benefit.more else 'sans'}_participation_financiere"
    return _dated_v2(benefit) | {"status": paying}


def _about(name: str, say: _Say, *, flat: bool) -> Answer:
    def answer(person: Person, _home: Household, _details: Details) -> Body:
        said = say(person.benefits.get(name))
        return said if flat else envelope(said)

    return answer


_LATER: Final[Mapping[str, _Say]] = {
    "allocation_adulte_handicape": _plain,
    "allocation_enfant_handicape": _ranked,
    "allocation_soutien_familial": _plain,
    "allocation_rentree_scolaire": _ranked,
    "complementaire_sante_solidaire": _with("avec_participation"),
    "prime_activite": _with("avec_majoration"),
    "revenu_solidarite_active": _with("avec_majoration"),
}
_FLAT: Final[Mapping[str, _Say]] = {
    "allocation_adulte_handicape": _plain_v2,
    "allocation_soutien_familial": _dated_v2,
    "complementaire_sante_solidaire": _health_v2,
    "prime_activite": _increased_v2,
    "revenu_solidarite_active": _increased_v2,
}

ANSWERS: Final[Mapping[str, Answer]] = {
    **{f"v3_cnav_{name}": _about(name, say, flat=False) for name, say in _LATER.items()},
    **{f"v2_cnav_{name}": _about(name, say, flat=True) for name, say in _FLAT.items()},
}
