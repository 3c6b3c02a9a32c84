"""The rules about places: where somebody was born, where a pupil is looked for."""

from dataclasses import dataclass
from typing import Final

from apientreprise_gateway.contract.person.fields import FIRST_YEAR
from apientreprise_gateway.contract.person.reading import Reading
from apientreprise_gateway.contract.person.texts import (
    COMMUNE,
    COUNTRY,
    DEPARTMENT,
    ESTABLISHMENT,
    SCHOOL_DEGREE,
    SCHOOL_DEPARTMENT,
    SCHOOL_REGION,
    Kind,
    anything,
    number,
)

FRANCE: Final = "99100"
"""The code of France among countries, in the COG."""
MOST_AREAS: Final = 128
"""Departments or regions that a call may name; there are fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Birthplace:
    """Where somebody was born: by the codes of commune and country, or by the name of the commune, its department and
    the year of birth."""

    commune: str = "codeCogInseeCommuneNaissance"
    communes: Kind = COMMUNE
    """The codes of communes that are accepted."""
    country: str = ""
    """Empty where it is not asked for."""
    country_required: bool = False
    by_name: bool = True
    """Whether the commune may be given by its name."""
    commune_name: str = "nomCommuneNaissance"
    department: str = "codeCogInseeDepartementNaissance"
    year: str = "anneeDateNaissance"
    year_code: str = "00422"
    """The error of a year for which no commune is found by its name."""
    needed_in_france: bool = False
    """Whether somebody born in France needs a commune."""

    @property
    def names(self) -> tuple[str, ...]:
        by_name = (self.commune_name, self.department, self.year) if self.by_name else ()
        return (*((self.country,) if self.country else ()), self.commune, *by_name)

    @property
    def codes(self) -> tuple[str, ...]:
        return (
            *(("00400",) if self.country else ()),
            "00365",
            *(("00317", "00428", self.year_code) if self.by_name else ()),
        )

    def read(self, reading: Reading) -> None:
        country: str | None = ""
        if self.country:
            country = reading.judged(self.country, COUNTRY, "birth_country")
            if country is None or (self.country_required and not country):
                reading.refuse("00400", self.country)
        commune = reading.judged(self.commune, self.communes, "birth_commune")
        if commune is None:
            reading.refuse("00365", self.commune)
        is_named = (
            self.by_name
            and (self.commune_name in reading.query or self.department in reading.query)
            and self._read_name(reading, is_needed=commune == "")
        )
        if self.needed_in_france and country == FRANCE and commune == "" and not is_named:
            reading.refuse("00365", self.commune)

    def _read_name(self, reading: Reading, *, is_needed: bool) -> bool:
        """Read name and department of a commune; whether it is given by these and the year."""
        name = self._one(reading, self.commune_name, anything, "00317", "birth_commune_name")
        department = self._one(reading, self.department, DEPARTMENT, "00428", "birth_department")
        year = reading.text(self.year)
        is_named = name != "" and department != "" and year != ""
        if is_named and is_needed and (year is None or number(year, FIRST_YEAR, reading.today.year) is None):
            reading.refuse(self.year_code, self.year)
        return is_named

    @staticmethod
    def _one(reading: Reading, name: str, kind: Kind, code: str, part: str) -> str | None:
        value = reading.judged(name, kind, part)
        if value is None:
            reading.refuse(code, name)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class SchoolSearch:
    """Where a pupil is looked for: in one school, or in the schools of one degree of some departments or regions."""

    establishment: str = "codeEtablissement"
    degree: str = "degreEtablissement"
    departments: str = "codesBcnDepartements[]"
    regions: str = "codesBcnRegions[]"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.establishment, self.degree, self.departments, self.regions)

    @property
    def codes(self) -> tuple[str, ...]:
        return ("00410", "00412", "00413", "00414", "00415", "00416", "00417", "00419")

    def read(self, reading: Reading) -> None:
        areas = [name for name in (self.departments, self.regions) if reading.texts(name, MOST_AREAS) != []]
        establishment = reading.text(self.establishment)
        if establishment == "":
            self._read_areas(reading, areas)
        elif areas:
            reading.refuse("00419", self.establishment)
        elif reading.judged(self.establishment, ESTABLISHMENT) is None:
            reading.refuse("00410", self.establishment)

    def _read_areas(self, reading: Reading, areas: list[str]) -> None:
        if not areas:
            blank = [name for name in (self.departments, self.regions) if name in reading.query]
            reading.refuse(*(("00414", blank[0]) if blank else ("00415", self.establishment)))
            return
        if not reading.judged(self.degree, SCHOOL_DEGREE):
            reading.refuse("00412", self.degree)
        if len(areas) > 1:
            reading.refuse("00413", self.departments)
            return
        (name,) = areas
        is_department = name == self.departments
        kind, code = (SCHOOL_DEPARTMENT, "00416") if is_department else (SCHOOL_REGION, "00417")
        texts = reading.texts(name, MOST_AREAS) or [""]
        found = [value for value in map(kind, texts) if value]
        if len(found) != len(texts):
            reading.refuse(code, name)
            return
        reading.parameters += [(name, value) for value in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The month that a family quotient is asked for: of the last three years, and not later than this one."""

    year: str = "annee"
    month: str = "mois"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.year, self.month)

    @property
    def codes(self) -> tuple[str, ...]:
        return ("00354", "00356")

    def read(self, reading: Reading) -> None:
        if self.year not in reading.query and self.month not in reading.query:
            return
        today = reading.today
        years = reading.text(self.year)
        year = number(years, today.year - 2, today.year) if years else None
        if year is not None:
            reading.parameters.append((self.year, str(year)))
        elif years != "":
            reading.refuse("00356", self.year)
        months = reading.text(self.month)
        month = number(months, 1, today.month if year == today.year else 12) if months else None
        if month is not None:
            reading.parameters.append((self.month, str(month)))
        elif months != "":
            reading.refuse("00354", self.month)
