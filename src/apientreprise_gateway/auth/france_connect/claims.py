"""Reads what FranceConnect says of an access token: whether it is in force, what it opens, whose it is.

The identity becomes the one that a caller would have given: the same parameters, in the same canonical form.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from apientreprise_gateway.auth.france_connect.faults import UnusableAnswerError
from apientreprise_gateway.contract.errors import refuse
from apientreprise_gateway.contract.france_connect import INCOMPLETE, NOT_IN_FORCE
from apientreprise_gateway.contract.person.families import PIVOT
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.contract.person.places import FRANCE
from apientreprise_gateway.contract.pseudonym import basis

_MALE: Final = "male"
_UNKNOWN_PART: Final = "00"
"""A day or month of birth that nobody knows."""


class Introspection(NamedTuple):
    """What FranceConnect says of an access token that is in force."""

    client: str
    """The service that was given the token."""
    subject: str
    """What FranceConnect calls the person, for that service alone."""
    scopes: frozenset[str]
    expires_at: float | None
    """Unix time in seconds; None if it does not say."""
    person: Asked
    """The pivot identity, with the parameters by which it is asked about."""

    def __repr__(self) -> str:
        return "Introspection(…)"


def read(claims: Mapping[str, Any], *, now: float, today: date) -> Introspection:
    """What an answer says.

    Args:
        claims: the content of the answer.
        now: Unix time in seconds.
        today: the day in Paris.

    Raises:
        Refusal: 401, `50002` for a token that is not in force, `50003` for one without the whole pivot identity.
        UnusableAnswerError: it says none of this.
    """
    said = claims.get("token_introspection")
    if not isinstance(said, dict) or not isinstance(said.get("active"), bool):
        raise UnusableAnswerError("it does not say whether the token is active")
    ends = said.get("exp")
    if ends is not None and (not isinstance(ends, int | float) or isinstance(ends, bool)):
        raise UnusableAnswerError("its `exp` is no number")
    if not said["active"] or (ends is not None and ends <= now):
        raise refuse(NOT_IN_FORCE)
    found = PIVOT.read(_pivot(said), today)
    if not isinstance(found, Asked) or found.identity.birth_year is None:
        raise refuse(INCOMPLETE)
    subject = said.get("sub")
    if not isinstance(subject, str) or not subject:
        subject = basis(found.identity)  # the calls of one person are counted together all the same
    return Introspection(_client(said), subject, _scopes(said), ends, found)


def _pivot(said: Mapping[str, Any]) -> dict[str, list[str]]:
    """The pivot identity as the query of a call.

    Raises:
        Refusal: 401 `50003`, a part of it is absent.
    """
    texts = {name: said[name].strip() for name in _CLAIMS if isinstance(said.get(name), str)}
    # Who was born abroad has a country and no town; who was born in France has both.
    abroad = texts.get("birthcountry") != FRANCE
    parts = texts.get("birthdate", "").split("-")
    if texts.keys() != _CLAIMS or not all(texts[name] or (name == "birthplace" and abroad) for name in _CLAIMS):
        raise refuse(INCOMPLETE)
    if len(parts) != 3:
        raise refuse(INCOMPLETE)
    return {
        "nomNaissance": [texts["family_name"]],
        "prenoms[]": texts["given_name"].split(),
        **{name: [part] for name, part in zip(_DATE, parts, strict=True) if part != _UNKNOWN_PART},
        "sexeEtatCivil": ["M" if texts["gender"] == _MALE else "F"],  # as published: any other is F
        "codeCogInseeCommuneNaissance": [texts["birthplace"]],
        "codeCogInseePaysNaissance": [texts["birthcountry"]],
    }


_CLAIMS: Final = frozenset({"family_name", "given_name", "gender", "birthdate", "birthplace", "birthcountry"})
"""The claims of the pivot identity."""
_DATE: Final = ("anneeDateNaissance", "moisDateNaissance", "jourDateNaissance")


def _client(said: Mapping[str, Any]) -> str:
    for name in ("aud", "client_id"):
        client = said.get(name)
        if isinstance(client, str):
            return client
        if isinstance(client, list) and all(isinstance(each, str) for each in client):
            return " ".join(client)
    return ""


def _scopes(said: Mapping[str, Any]) -> frozenset[str]:
    scopes = said.get("scope") or ""
    if isinstance(scopes, str):
        return frozenset(scopes.split())
    if isinstance(scopes, list) and all(isinstance(each, str) for each in scopes):
        return frozenset(scopes)
    raise UnusableAnswerError("its `scope` is no text")
