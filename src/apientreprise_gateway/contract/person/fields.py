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


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A parameter that is judged by itself."""

    name: str
    code: str
    """The error of a wrong value, or of none where it is required."""
    kind: Kind
    part: str = ""
    """What it is of an identity: the name of a field of `Identity`."""
    required: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """See `Rule.names`."""
        return (self.name,)

    @property
    def codes(self) -> tuple[str, ...]:
        """See `Rule.codes`."""
        return (self.code,)

    def read(self, reading: Reading) -> None:
        """See `Rule.read`."""
        value = reading.judged(self.name, self.kind)
        if value:
            reading.note(self.name, value)
            reading.mean(self.part, value)
        elif value is None or self.required:
            reading.refuse(self.code, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField:
    """A parameter that is a whole number."""

    name: str
    code: str
    """The error of a wrong value, or of none where it is required."""
    first: int
    last: int
    required: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """See `Rule.names`."""
        return (self.name,)

    @property
    def codes(self) -> tuple[str, ...]:
        """See `Rule.codes`."""
        return (self.code,)

    def read(self, reading: Reading) -> None:
        """See `Rule.read`."""
        text = reading.text(self.name)
        value = number(text, self.first, self.last) if text else None
        if value is not None:
            reading.note(self.name, str(value))
        elif text is None or text or self.required:
            reading.refuse(self.code, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstNames:
    """First names as an array (`prenoms[]`): each value is one."""

    name: str = "prenoms[]"
    code: str = "00421"
    kind: Kind = anything
    """Of each."""
    most: int = MOST_FIRST_NAMES
    required: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """See `Rule.names`."""
        return (self.name,)

    @property
    def codes(self) -> tuple[str, ...]:
        """See `Rule.codes`."""
        return (self.code,)

    def read(self, reading: Reading) -> None:
        """See `Rule.read`."""
        texts = reading.texts(self.name, self.most)
        values = None if texts is None else [self.kind(text) for text in texts]
        if values is None or None in values or (self.required and not values):
            reading.refuse(self.code, self.name)
            return
        found = tuple(value for value in values if value is not None)
        for value in found:
            reading.note(self.name, value)
        reading.mean("first_names", found)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstNamesText:
    """First names in one text."""

    name: str
    code: str
    kind: Kind = anything
    """Of each."""
    split: bool
    """Whether spaces separate several; otherwise it is one name."""

    @property
    def names(self) -> tuple[str, ...]:
        """See `Rule.names`."""
        return (self.name,)

    @property
    def codes(self) -> tuple[str, ...]:
        """See `Rule.codes`."""
        return (self.code,)

    def read(self, reading: Reading) -> None:
        """See `Rule.read`."""
        text = reading.text(self.name)
        words = (text.split(" ") if self.split else [text]) if text else []
        values = [self.kind(word) for word in words]
        if not values or None in values or len(values) > MOST_FIRST_NAMES:
            reading.refuse(self.code, self.name)
            return
        found = tuple(value for value in values if value is not None)
        reading.note(self.name, " ".join(found))
        reading.mean("first_names", found)


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
        """See `Rule.names`."""
        return (self.year, self.month, self.day)

    @property
    def codes(self) -> tuple[str, ...]:
        """See `Rule.codes`."""
        return (*self.part_codes, self.judge.code) if self.judge.code else self.part_codes

    def read(self, reading: Reading) -> None:
        """See `Rule.read`."""
        parts = (
            (self.year, "birth_year", _LAST_YEAR, self.part_codes.year),
            (self.month, "birth_month", 12, self.part_codes.month),
            (self.day, "birth_day", 31, self.part_codes.day),
        )
        found = []
        for name, part, last, code in parts:
            text = reading.text(name)
            value = number(text, 1, last) if text else None
            if value is not None:
                reading.note(name, str(value))
                reading.mean(part, value)
                found.append(value)
            elif text is None or text or self.required:
                reading.refuse(code, name)
        if len(found) == len(parts):
            wrong = _wrong_with(found, self.part_codes.whole, self.judge, reading.today)
            if wrong:
                reading.refuse(wrong, self.year)


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthDateText:
    """A date of birth in one parameter: `2001-01-20`."""

    name: str
    code: str
    judge: DateJudge = ANY_DATE

    @property
    def names(self) -> tuple[str, ...]:
        """See `Rule.names`."""
        return (self.name,)

    @property
    def codes(self) -> tuple[str, ...]:
        """See `Rule.codes`."""
        return (self.code,)

    def read(self, reading: Reading) -> None:
        """See `Rule.read`."""
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
        reading.note(self.name, f"{year:04d}-{month:02d}-{day:02d}")
        reading.mean("birth_year", year)
        reading.mean("birth_month", month)
        reading.mean("birth_day", day)


def _wrong_with(parts: list[int], code: str, judge: DateJudge, today: date) -> str:
    """The error of a date of birth (year, month, day), `code` if there is no such day; empty if it is right."""
    try:
        birth = date(*parts)
    except ValueError:
        return code
    return "" if judge.accepts(birth, today) else judge.code
