"""The rules that identities are judged by: provider files and families combine them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from apientreprise_gateway.contract.person.reading import Reading
from apientreprise_gateway.contract.person.texts import Kind, anything, number

MOST_FIRST_NAMES: Final = 32
"""First names that a call may give."""
FIRST_YEAR: Final = 1900
"""The first year in which somebody may be born who lives."""
_LAST_YEAR: Final = date.max.year


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
        _read_number(reading, self.name, self.first, self.last, code=self.code, required=self.required)


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
        texts = reading.texts(self.name, self.most)
        found = [] if texts is None else [value for value in map(self.kind, texts) if value]
        if texts is None or len(found) != len(texts) or (self.required and not found):
            reading.refuse(self.code, self.name)
            return
        reading.parameters += [(self.name, value) for value in found]
        reading.parts["first_names"] = tuple(found)


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
        reading.parts["first_names"] = tuple(found)


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
        found = [
            self._part(reading, self.year, "birth_year", _LAST_YEAR, self.part_codes.year),
            self._part(reading, self.month, "birth_month", 12, self.part_codes.month),
            self._part(reading, self.day, "birth_day", 31, self.part_codes.day),
        ]
        if all(found):
            wrong = _wrong_with(found, self.part_codes.whole, self.judge, reading.today)
            if wrong:
                reading.refuse(wrong, self.year)

    def _part(self, reading: Reading, name: str, part: str, last: int, code: str) -> int:
        """Read a part, noted if it is right; 0 if it is absent or wrong."""
        value = _read_number(reading, name, 1, last, code=code, required=self.required)
        if value is None:
            return 0
        reading.parts[part] = value
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthDateText(_OneParameter):
    """A date of birth in one parameter: `2001-01-20`."""

    name: str
    code: str
    judge: DateJudge = ANY_DATE

    def read(self, reading: Reading) -> None:
        text = reading.text(self.name) or ""
        lasts = (_LAST_YEAR, 12, 31)
        parts = [number(part, 1, last) for part, last in zip(text.split("-"), lasts, strict=False)]
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
        reading.parts.update(birth_year=year, birth_month=month, birth_day=day)


def _read_number(reading: Reading, name: str, first: int, last: int, *, code: str, required: bool) -> int | None:
    """Read a whole number, noted if it is right; None if it is absent or wrong."""
    text = reading.text(name)
    value = number(text, first, last) if text else None
    if value is not None:
        reading.parameters.append((name, str(value)))
    elif text is None or text or required:
        reading.refuse(code, name)
    return value


def _wrong_with(parts: list[int], code: str, judge: DateJudge, today: date) -> str:
    """The error of a date of birth (year, month, day), `code` if there is no such day; empty if it is right."""
    try:
        birth = date(*parts)
    except ValueError:
        return code
    return "" if judge.accepts(birth, today) else judge.code
