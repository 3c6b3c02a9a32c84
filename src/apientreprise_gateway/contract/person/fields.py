"""The rules that identities are judged by: provider files and families combine them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from apientreprise_gateway.contract.person.identity import PLACES
from apientreprise_gateway.contract.person.reading import Reading
from apientreprise_gateway.contract.person.texts import Kind, anything, clean, number, usual_number

MOST_FIRST_NAMES: Final = 32
"""First names that a call may give."""
FIRST_YEAR: Final = 1900
"""The first year in which somebody may be born who lives."""
_FIRST_NAMES: Final = PLACES["first_names"]
_YEAR: Final = PLACES["birth_year"]
_MONTH: Final = PLACES["birth_month"]
_DAY: Final = PLACES["birth_day"]
_YEARS: Final = (1, date.max.year)
_MONTHS: Final = (1, 12)
_DAYS: Final = (1, 31)


class _OneParameter:
    """What the rules about one parameter, with one error, have in common."""

    __slots__ = ()
    name: str
    code: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def codes(self) -> tuple[str, ...]:
        return (self.code,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(_OneParameter):
    """A parameter that is judged by itself."""

    name: str
    code: str
    """The error of a wrong value, or of none where it is required."""
    kind: Kind
    part: str = ""
    """What it is of an identity: the name of a field of `Identity`."""
    required: bool = True

    def read(self, reading: Reading) -> None:
        values = reading.query.get(self.name)
        if values and self.kind.is_plain(values[-1]):  # as `judged` does, without the way there
            reading.parameters.append((self.name, values[-1]))
            if self.part:
                reading.parts[PLACES[self.part]] = values[-1]
            return
        if not values and not self.required:
            return
        value = reading.judged(self.name, self.kind, self.part)
        if value is None or (not value and self.required):
            reading.refuse(self.code, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField(_OneParameter):
    """A parameter that is a whole number."""

    name: str
    code: str
    """The error of a wrong value, or of none where it is required."""
    first: int
    last: int
    required: bool = False

    def read(self, reading: Reading) -> None:
        _read_number(reading, self.name, (self.first, self.last), self.code, required=self.required)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstNames(_OneParameter):
    """First names as an array (`prenoms[]`): each value is one."""

    name: str = "prenoms[]"
    code: str = "00421"
    kind: Kind = anything
    """Of each."""
    most: int = MOST_FIRST_NAMES
    required: bool = True

    def read(self, reading: Reading) -> None:
        name, kind = self.name, self.kind
        given = reading.query.get(name, ())
        found: list[str] = []
        is_right = len(given) <= self.most
        for value in given if is_right else ():
            if kind.is_plain(value):
                found.append(value)
                continue
            cleaned = clean(value)
            if cleaned != "":  # blank is absent
                judged = None if cleaned is None else kind(cleaned)
                if not judged:
                    is_right = False
                    break
                found.append(judged)
        if not is_right or (self.required and not found):
            reading.refuse(self.code, name)
            return
        reading.parameters += [(name, value) for value in found]
        reading.parts[_FIRST_NAMES] = tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstNamesText(_OneParameter):
    """First names in one text."""

    name: str
    code: str
    kind: Kind = anything
    """Of each."""
    split: bool
    """Whether spaces separate several; otherwise it is one name."""

    def read(self, reading: Reading) -> None:
        text = reading.text(self.name)
        words = (text.split(" ") if self.split else [text]) if text else []
        found = [value for value in map(self.kind, words) if value]
        if not found or len(found) != len(words) or len(found) > MOST_FIRST_NAMES:
            reading.refuse(self.code, self.name)
            return
        reading.parameters.append((self.name, " ".join(found)))
        reading.parts[_FIRST_NAMES] = tuple(found)


class DateCodes(NamedTuple):
    """The errors of a date of birth: of each part, and of the whole."""

    year: str = "00422"
    month: str = "00423"
    day: str = "00424"
    whole: str = "00425"


_DATE_CODES: Final = DateCodes()


class DateJudge(NamedTuple):
    """What a date of birth has to be, besides a day of the calendar."""

    accepts: Callable[[date, date], bool]
    """From a date of birth and today to whether the date is right."""
    code: str = ""
    """The error of one that is not."""


def _is_of_the_living(birth: date, today: date) -> bool:
    return birth.year >= FIRST_YEAR and birth < today


def _is_of_age_for_service(birth: date, today: date) -> bool:
    age = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    return 16 <= age <= 25


ANY_DATE: Final = DateJudge(lambda _birth, _today: True)
OF_THE_LIVING: Final = DateJudge(_is_of_the_living, "00363")
"""From 1900 to yesterday."""
OF_AGE_FOR_SERVICE: Final = DateJudge(_is_of_age_for_service, "39400")
"""Of somebody aged 16 to 25."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthDate:
    """A date of birth in three parameters."""

    year: str = "anneeDateNaissance"
    month: str = "moisDateNaissance"
    day: str = "jourDateNaissance"
    part_codes: DateCodes = _DATE_CODES
    judge: DateJudge = ANY_DATE
    required: bool = True
    """Whether all three have to be given; otherwise each may be absent."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.year, self.month, self.day)

    @property
    def codes(self) -> tuple[str, ...]:
        return (*self.part_codes, self.judge.code) if self.judge.code else self.part_codes

    def read(self, reading: Reading) -> None:
        codes, required, parts = self.part_codes, self.required, reading.parts
        year = _read_number(reading, self.year, _YEARS, codes.year, required=required)
        month = _read_number(reading, self.month, _MONTHS, codes.month, required=required)
        day = _read_number(reading, self.day, _DAYS, codes.day, required=required)
        parts[_YEAR], parts[_MONTH], parts[_DAY] = year, month, day
        if year is not None and month is not None and day is not None:
            wrong = _wrong_with((year, month, day), codes.whole, self.judge, reading.today)
            if wrong:
                reading.refuse(wrong, self.year)


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthDateText(_OneParameter):
    """A date of birth in one parameter: `2001-01-20`."""

    name: str
    code: str
    judge: DateJudge = ANY_DATE

    def read(self, reading: Reading) -> None:
        text = reading.text(self.name) or ""
        parts = [number(part, *bounds) for part, bounds in zip(text.split("-"), (_YEARS, _MONTHS, _DAYS), strict=False)]
        found = [part for part in parts if part is not None]
        if text.count("-") != 2 or len(found) != 3:
            reading.refuse(self.code, self.name)
            return
        wrong = _wrong_with(found, self.code, self.judge, reading.today)
        if wrong:
            reading.refuse(wrong, self.name)
            return
        year, month, day = found
        reading.parameters.append((self.name, f"{year:04d}-{month:02d}-{day:02d}"))
        reading.parts[_YEAR], reading.parts[_MONTH], reading.parts[_DAY] = found


def _read_number(reading: Reading, name: str, bounds: tuple[int, int], code: str, *, required: bool) -> int | None:
    """Read a whole number, noted if it is right; None if it is absent or wrong, of which `code` is the error."""
    first, last = bounds
    values = reading.query.get(name)
    usual = usual_number(values[-1]) if values else None
    if usual is not None and first <= usual <= last:
        reading.parameters.append((name, str(usual)))
        return usual
    text = reading.text(name)
    found = number(text, first, last) if text else None
    if found is not None:
        reading.parameters.append((name, str(found)))
    elif text is None or text or required:
        reading.refuse(code, name)
    return found


def _wrong_with(parts: Sequence[int], code: str, judge: DateJudge, today: date) -> str:
    """The error of a date of birth (year, month, day), `code` if there is no such day; empty if it is right."""
    try:
        birth = date(*parts)
    except ValueError:
        return code
    return "" if judge.accepts(birth, today) else judge.code
