"""What the fictive providers know of a person, each kind of knowledge in a class of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final

FRANCE: Final = "99100"
"""The code of France among countries, in the official geographic list (COG)."""
_NO_BENEFITS: Final[Mapping[str, "Benefit"]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A commune."""

    code: str
    """In the COG."""
    name: str
    department: str
    """Its code in the COG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a household lives."""

    street: str
    """Number and name of the street."""
    postcode: str
    commune: Place
    extra: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """A benefit that a person has."""

    since: date
    more: bool = False
    """Whether it is increased; for health insurance, whether the person pays a part."""
    status: str = ""
    """What the person is to the benefit, where there are several: `allocataire`, `ouvrant_droit`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studies:
    """A student's place at an institution, and the grant that goes with it."""

    ine: str
    institution: str
    uai: str
    commune: Place
    regime: str
    """Code of the kind of course: `RF1` to `RF7`."""
    grant: str = ""
    """The level of the grant; empty without one."""
    struck_off: date | None = None
    """The day on which the grant was withdrawn."""
    enrolled: bool = True
    """Whether the student is enrolled, and not only admitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schooling:
    """A pupil's place at a school."""

    uai: str
    commune: Place
    degree: str
    """`1D` or `2D`."""
    course: str
    """Code of the course in the statistical nomenclature (MEF)."""
    course_name: str
    grant: int | None = None
    """The level of the grant."""
    boarding: str = "0"
    """Code of the boarding regime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeeker:
    """What France Travail knows."""

    identifier: str
    registered: date
    category: int
    ended: date | None = None
    paid: bool = True
    """Whether something is paid; payments are unknown of somebody to whom nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A contract of civic service."""

    siret: str
    name: str
    start: date
    end: date | None
    """None while it is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """A registered vehicle."""

    plate: str
    brand: str
    model: str
    first_registered: date
    fuel: str
    fuel_name: str
    link: str = "titulaire"
    """What the person is to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Athlete:
    """A place on the lists of the ministry of sport."""

    number: str
    federation: str
    federation_name: str
    federation_short: str
    since: date
    until: date
    current: bool = True
    """Whether the place is held still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A fictive person."""

    key: str
    """Short name, which is its own: `claire-martin`."""
    description: str
    """One line of French for users of the sandbox."""
    birth_name: str
    first_names: tuple[str, ...]
    """In the order of the civil status."""
    sex: str
    """`M` or `F`."""
    birth: date
    birthplace: Place | None
    """None for who was born abroad."""
    country: str = FRANCE
    """Where the person was born, by its code in the COG."""
    used_name: str = ""
    benefits: Mapping[str, Benefit] = field(default_factory=lambda: _NO_BENEFITS)
    """By the name that operations give a benefit: `prime_activite`."""
    studies: Studies | None = None
    schooling: Schooling | None = None
    job_seeker: JobSeeker | None = None
    service: str = "non_concerne"
    """How it stands with national service."""
    contracts: tuple[Contract, ...] = ()
    """Of civic service, the latest first."""
    vehicle: Vehicle | None = None
    athlete: Athlete | None = None

    @property
    def name(self) -> str:
        """The name that the person goes by."""
        return self.used_name or self.birth_name

    @property
    def email(self) -> str:
        return f"{self.key}@courriel.exemple.test"

    def pivot(self) -> dict[str, Any]:
        """The identity as FranceConnect says it: its claims, by their names. `birthplace` is empty for who was born
        abroad."""
        return {
            "sub": f"bac-a-sable-{self.key}",
            "gender": "male" if self.sex == "M" else "female",
            "family_name": self.birth_name,
            "given_name": " ".join(self.first_names),
            "given_name_array": list(self.first_names),
            "birthdate": self.birth.isoformat(),
            "birthplace": "" if self.birthplace is None else self.birthplace.code,
            "birthcountry": self.country,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """The persons for whom a family allowance fund keeps one file."""

    number: str
    """Its number with the fund."""
    fund: str
    """`CNAF` or `MSA`."""
    adults: tuple[Person, ...]
    """Who the file is of, one or two."""
    address: Address
    quotient: int
    """Euros a month."""
    income: int
    """Euros a year."""
    children: tuple[Person, ...] = ()
