"""Errors: what they are made of, and the refusals that carry them.

A code has five digits: the first two name the provider (00 is the gateway itself), the last three say what happened.
The tables are in `codes`; errors that one provider alone has stand with that provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from apientreprise_gateway.contract.codes import ACCESS_TOKEN_ERRORS, GATEWAY_ERRORS, PROVIDER_ERRORS, ErrorKind, Source
from apientreprise_gateway.contract.person.codes import PERSON_ERRORS

GATEWAY_PREFIX: Final = "00"
"""What the gateway's own codes begin with."""
FLAT_VERSION: Final = 2
"""The version whose bodies are flat: without the envelope of data, links and meta."""

OWN_ERRORS: Final[Mapping[str, ErrorKind]] = {**GATEWAY_ERRORS, **PERSON_ERRORS, **ACCESS_TOKEN_ERRORS}
"""Every error that the gateway itself may answer with, by code."""

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiError:
    """One error of an answer."""

    code: str
    title: str
    detail: str
    source: Source | None = None
    meta: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)

    def as_object(self) -> dict[str, Any]:
        """The error as an object; `source` is left out where there is none."""
        body: dict[str, Any] = {"code": self.code, "title": self.title, "detail": self.detail}
        if self.source is not None:
            body["source"] = dict(self.source)
        body["meta"] = dict(self.meta)
        return body


class Refusal(Exception):  # noqa: N818 - a refused call is an answer, not a failure of the program
    """A check of the pipeline refuses the call; the pipeline turns it into the answer."""

    def __init__(self, status: int, *errors: ApiError, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(status, errors)
        self.status = status
        self.errors = errors
        self.headers = headers


class ConnectionDropped(Exception):  # noqa: N818 - the contract's answer to a banned address
    """The call gets no answer: its connection is closed without a byte."""


@dataclass(frozen=True, slots=True)
class SpecificError:
    """An error that one provider alone has, in its published form."""

    title: str
    detail: str
    meta: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    """What `meta` holds besides the provider's name."""


BAD_ANSWER: Final = "Mauvaise réponse du fournisseur de données"
"""Title of an answer that has the form but not the content that was promised."""


OUTAGE_RETRY_IN: Final = 10
"""Seconds after which a call that met a provider that is down, or network trouble, may be tried again."""
_OUTAGES: Final = frozenset({"001", "004"})
_NETWORK_TROUBLE: Final = "00501"
_DEADLINE_PASSED: Final = "002"


def is_outage(code: str) -> bool:
    """Whether a code says that the provider was not reached or is down: such errors say when to try again."""
    return code == _NETWORK_TROUBLE or code[2:] in _OUTAGES


def is_late(code: str) -> bool:
    """Whether a code says that the deadline passed; these codes, and no others, have status 504."""
    return code[2:] == _DEADLINE_PASSED


ROOM_RETRY_IN: Final = 2
"""Seconds after which a call that found no room (00908) may be tried again: slow readers are disconnected by then."""


def gateway_error(code: str, *, source: Source | None = None, meta: Mapping[str, Any] = _EMPTY) -> ApiError:
    """One of the gateway's own errors; `source` replaces the usual one."""
    kind = OWN_ERRORS[code]
    return ApiError(code=code, title=kind.title, detail=kind.detail, source=source or kind.source, meta=meta)


def refuse(code: str, *, source: Source | None = None, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Refusal:
    """The refusal that carries one of the gateway's own errors, with that error's status."""
    return Refusal(OWN_ERRORS[code].status, gateway_error(code, source=source), headers=headers)


def refuse_for_now() -> Refusal:
    """The refusal of a call whose answer finds no room, as other clients do not read theirs (00908)."""
    return refuse("00908", headers=((b"retry-after", b"%d" % ROOM_RETRY_IN),))


def network_error() -> Refusal:
    """The refusal for trouble on the way to a provider that no other code names (00501)."""
    kind = GATEWAY_ERRORS[_NETWORK_TROUBLE]
    return Refusal(kind.status, gateway_error(_NETWORK_TROUBLE, meta={"retry_in": OUTAGE_RETRY_IN}))


def provider_error(subcode: str, *, prefix: str, name: str, retry_in: int | None = None) -> Refusal:
    """The refusal for an error of a provider; its code is the provider's prefix, then `subcode`.

    Args:
        subcode: the last three digits of the code.
        prefix: of the provider's codes.
        name: of the provider.
        retry_in: seconds after which to try again, where they are known; `OUTAGE_RETRY_IN` if it is down.
    """
    kind = PROVIDER_ERRORS[subcode]
    # PP051-PP056 speak of a file and carry an empty meta, as published.
    meta: Mapping[str, Any] = _EMPTY if subcode.startswith("05") else {"provider": name}
    if retry_in is None and subcode in _OUTAGES:
        retry_in = OUTAGE_RETRY_IN
    if retry_in is not None:
        meta = {**meta, "retry_in": retry_in}
    detail = kind.detail.format(provider=name)
    return Refusal(kind.status, ApiError(code=prefix + subcode, title=kind.title, detail=detail, meta=meta))
