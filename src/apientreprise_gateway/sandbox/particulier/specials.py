"""Special persons: whoever is called so gets an error, from every provider and in every way of asking.

Each has a birth name and three digits, those of the status where there is one. Where persons go by a number, the digits
are a part of it; France Travail takes the name as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.sandbox.particulier.person import Person
from apientreprise_gateway.sandbox.particulier.persons import CLAIRE
from apientreprise_gateway.sandbox.particulier.register import plain

LATE: Final = 504
"""The status of a provider that says that it is late, in our form."""
_NO_CODES: Final[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Special:
    """Somebody about whom a call fails."""

    name: str
    """The birth name."""
    digits: str
    """Three digits, for the ways of asking that take a number; empty if those have no such error."""
    description: str
    """One line of French for users of the sandbox."""
    fault: str = ""
    """The name of the fault that answers; empty if the provider itself answers with an error."""
    status: int = 404
    """The status of the provider's answer, if there is no fault."""
    codes: tuple[str, ...] = _NO_CODES
    """The provider's own errors that it may answer with: the first that the operation has; without one, it does not
    know the person."""

    @property
    def person(self) -> Person:
        """Somebody of that name, for whom FranceConnect may vouch."""
        return Person(
            key=self.name.lower(),
            description=self.description,
            birth_name=self.name,
            first_names=("CAMILLE",),
            sex="F",
            birth=CLAIRE.birth,
            birthplace=CLAIRE.birthplace,
        )


SPECIALS: Final = (
    Special(name="INCONNU", digits="404", description="personne que le fournisseur ne connaît pas"),
    Special(
        name="HOMONYME",
        digits="409",
        description="plusieurs personnes répondent à cette identité",
        codes=("26015", "00391"),
    ),
    Special(
        name="REFUSE",
        digits="422",
        description="identité que le fournisseur refuse, ou à laquelle il ne peut pas se fier",
        codes=("00366", "36560", "26561"),
    ),
    Special(name="FAUX-NUMERO", digits="423", description="identifiant que le fournisseur refuse", codes=("26562",)),
    Special(name="SANS-IDENTITE", digits="", description="identité inconnue du répertoire national", codes=("00355",)),
    Special(name="HORS-AGE", digits="", description="d'un âge étranger au service national", codes=("39400",)),
    Special(name="ABSENT-MSA", digits="", description="aucun dossier à la MSA", codes=("10003",)),
    Special(name="ABSENT-CNAF", digits="", description="aucun dossier à la CNAF", codes=("23003",)),
    Special(name="ABSENT-CAISSES", digits="", description="aucun dossier à la CNAF ni à la MSA", codes=("35003",)),
    Special(name="ABSENT-RNCPS", digits="", description="inconnu du répertoire RNCPS", codes=("40003",)),
    Special(
        name="SANS-QUOTIENT",
        digits="405",
        description="foyer connu, dont le quotient n'est pas calculé",
        codes=("23502",),
    ),
    Special(
        name="AUTRE-TITULAIRE",
        digits="406",
        description="véhicule immatriculé au nom d'une autre personne",
        codes=("42005",),
    ),
    Special(
        name="SECRET", digits="451", status=451, description="données que le fournisseur n'a pas le droit de donner"
    ),
    Special(name="TARD", digits="524", status=LATE, description="dit aussitôt que son propre délai est dépassé"),
    Special(name="LENT", digits="001", fault="slow", description="répond au bout de 3 secondes"),
    Special(name="GOUTTE", digits="002", fault="drip", description="répond un octet toutes les 0,5 seconde"),
    Special(name="RACCROCHE", digits="003", fault="reset", description="ferme la connexion sans un octet"),
    Special(name="COUPE", digits="004", fault="cut", description="ferme la connexion au milieu du corps"),
    Special(name="ILLISIBLE", digits="005", fault="garbage", description="200 avec une page HTML"),
    Special(name="TRONQUE", digits="006", fault="truncated-json", description="200 avec un JSON tronqué"),
    Special(name="VIDE", digits="007", fault="empty", description="200 sans corps"),
    Special(name="MAINTENANCE", digits="020", fault="maintenance", description="503 : maintenance de 600 s"),
    Special(name="DETOUR", digits="302", fault="redirect", description="302 vers un autre hôte"),
    Special(name="PORTE-CLOSE", digits="401", fault="refused-401", description="401 : passerelle refusée"),
    Special(name="INTERDIT", digits="403", fault="forbidden-403", description="403 : accès interdit"),
    Special(name="QUOTA", digits="429", fault="busy-429", description="429 : quota atteint"),
    Special(name="ERREUR", digits="500", fault="error-500", description="500 : erreur interne"),
    Special(name="PANNE", digits="503", fault="unavailable-503", description="503 : indisponible"),
    Special(name="MUET", digits="504", fault="timeout", description="ne répond pas (60 secondes)"),
)
"""All of them: first what the provider says, then what befalls it."""

BY_NAME: Final[Mapping[str, Special]] = MappingProxyType({special.name: special for special in SPECIALS})
_BY_PLAIN_NAME: Final = MappingProxyType({plain(name): special for name, special in BY_NAME.items()})
_BY_DIGITS: Final = MappingProxyType({special.digits: special for special in SPECIALS if special.digits})

NUMBERS: Final[Mapping[Meaning, Callable[[str], str]]] = MappingProxyType(
    {
        Meaning.INE: lambda digits: f"9999999{digits}G",
        Meaning.ACCOUNT: lambda digits: f"999{digits}",
        Meaning.ALLOWANCE: lambda digits: f"9999{digits}",
        Meaning.PLATE: lambda digits: f"XX-{digits}-FC",
    }
)
"""The number with which each way of asking names a special person, from its digits."""
_BY_NUMBER: Final = MappingProxyType(
    {
        (meaning, number(digits)): special
        for meaning, number in NUMBERS.items()
        for digits, special in _BY_DIGITS.items()
    }
)


def special_of(said: Mapping[Meaning, str]) -> Special | None:
    """The special person that a call is about, if it is about one."""
    for meaning in NUMBERS:
        value = said.get(meaning, "").upper()
        found = _BY_NUMBER.get((meaning, value)) or (BY_NAME.get(value) if meaning is Meaning.ACCOUNT else None)
        if found is not None:
            return found
    return _BY_PLAIN_NAME.get(plain(said.get(Meaning.BIRTH_NAME, "")))
