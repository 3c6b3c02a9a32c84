"""A person that nothing else resembles, and all forms in which something of that person could stand somewhere."""

import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from urllib.parse import quote, quote_plus

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import Meaning

NAME = "Zwyxor-Élançon"
YEAR = datetime.now(UTC).year - 20
"""Of birth: some operations are for the young alone."""
SPOKEN: dict[Meaning, tuple[str, ...]] = {
    Meaning.BIRTH_NAME: (NAME,),
    Meaning.USED_NAME: ("Vrombiquet D'Ault",),
    Meaning.FIRST_NAMES: ("Quimphélie", "Ozwaldine"),
    Meaning.BIRTH_YEAR: (str(YEAR),),
    Meaning.BIRTH_MONTH: ("6",),
    Meaning.BIRTH_DAY: ("23",),
    Meaning.BIRTH_DATE: (f"{YEAR}-06-23",),
    Meaning.BIRTH_TOWN_NAME: ("Zuydcoote-les-Bains",),
    Meaning.INE: ("9876543210Z",),
    Meaning.ACCOUNT: ("quimphelie_zwyxor",),
    Meaning.ALLOWANCE: ("7418529",),
    Meaning.PLATE: ("ZW-714-YX",),
}
"""What the person's parameters say; the others have their published examples."""
SPORTSMAN = "551234567"
"""The person's number at the Ministry of Sports, which is digits alone."""
_SECRETS = (
    *(text for texts in SPOKEN.values() for text in texts if len(text) > 4),
    *(f"{YEAR}0623", f"23/06/{YEAR}", f"23-06-{YEAR}", f"{YEAR}/06/23", f"2306{YEAR}"),
    *("zwyxor", "quimphelie", "vrombiquet", "zuydcoote"),
    SPORTSMAN,
)
_NAMES = ("naissance", "prenom", "sexeetat", "allocataire=", "nomusage", "codecog", "identifiant=", "&ine=", "?ine=")
"""What stands in the names of parameters: where one of these stands, a query stands as well."""


def query_of(endpoint: Endpoint) -> list[tuple[str, str]]:
    """The parameters of a right call about the person."""
    found: list[tuple[str, str]] = []
    for parameter in () if endpoint.person is None else endpoint.person.parameters:
        values = SPOKEN.get(parameter.meaning, (parameter.example,))
        if parameter.meaning is Meaning.ACCOUNT and "sdh" in endpoint.path:
            values = (SPORTSMAN,)
        if parameter.meaning is Meaning.FIRST_NAMES and not parameter.several:
            values = (" ".join(values),)
        found += [(parameter.name, value) for value in values if value]
    return found


def traces_in(text: bytes, *, queries: bool = True) -> set[str]:
    """What of the person stands in a text, in any form; `queries` is whether names of parameters count as well."""
    text = text.lower()
    found = {secret for secret in _SECRETS if any(form in text for form in _forms(secret))}
    return found | {name for name in _NAMES if queries and name.encode() in text}


@cache
def _forms(secret: str) -> frozenset[bytes]:
    """The bytes of all forms of a text, in lower case."""
    return frozenset(form.lower() for spelling in _spellings(secret) for form in _encoded(spelling) if len(form) > 5)


def _spellings(secret: str) -> set[str]:
    apart = unicodedata.normalize("NFD", secret)
    plain = "".join(each for each in apart if not unicodedata.combining(each))
    spellings = {secret, apart, plain, secret.replace("-", " "), plain.replace("-", " ")}
    return {each for text in spellings for each in (text, text.upper(), text.lower(), text[::-1])}


def _encoded(text: str) -> Iterator[bytes]:
    quoted = quote(text, safe="")
    for form in (text, quoted, quote_plus(text), quote(quoted, safe=""), ascii(text)[1:-1]):
        yield form.encode()
    for raw in {text.encode(), text.encode("latin-1", "ignore")}:
        yield raw
        yield raw.hex().encode()
        yield quote(raw, safe="").encode()
        yield raw.decode("latin-1").encode()
        for shift, skipped in enumerate((0, 2, 3)):  # wherever it stands among what is encoded with it
            whole = b64encode(bytes(shift) + raw)
            inner = whole.rstrip(b"=")[:-1] if whole.endswith(b"=") else whole
            if len(raw) > 8:  # shorter ones are found anywhere, as their case is lost
                yield inner[skipped:]
                yield inner[skipped:].translate(bytes.maketrans(b"+/", b"-_"))
