"""Turns the answer of a provider into ours.

An answer in the form of our contract is passed on byte for byte, once it is checked to be what the endpoint promises.
Anything else becomes the error that the provider's status stands for. Translations use the same functions for errors.
"""

import gc
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson
from msgspec import Struct

try:
    import simdjson
except ImportError:  # it has no wheel for this Python or machine (ADR 39)
    simdjson = None  # type: ignore[assignment]

from apientreprise_gateway.contract.codes import PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.errors import (
    OUTAGE_RETRY_IN,
    ApiError,
    Refusal,
    is_late,
    is_outage,
    network_error,
    provider_error,
)
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.upstream.response import Response

_STATUSES: Final[Mapping[int, str]] = {
    401: "006",
    403: "006",
    404: "003",
    429: "008",
    451: "005",
    500: "000",
    502: "000",
    503: "001",
    504: "001",
}
"""The last three digits of the error code for a provider's status; 999 for any other status. Its 504 says that
something behind it is down, not that our own deadline has passed."""

_OWN_FORM_STATUSES: Final = frozenset({404, 409, 422, 451, 502, 503, 504})
"""Statuses with which an error in our form is passed on. 401, 403 and 429 are about the gateway's own access."""

_TROUBLE: Final = frozenset({"000", "001", "002", "004"})
"""The last three digits of codes that say that the provider itself fails, or reports a network failure."""
_NETWORK_TROUBLE: Final = "00501"

_PARTIAL: Final = 206
"""The status with which a v2 answer says that data are missing; later versions say it in the data."""
_MOVED: Final = 301
_LARGE_BYTES: Final = 256 * 1024
_ENVELOPE: Final = ("data", "links", "meta")
"""What an answer in our form has at its top."""
_MAX_ERRORS: Final = 20
"""Errors that one answer may have, as each becomes part of an access line."""
_CODE: Final = re.compile(r"\d{5}", re.ASCII)


MAX_OUTLINED_BYTES: Final = 1024 * 1024
"""Bytes of a body that is looked at without being parsed; simdjson keeps buffers for the longest so far."""
OUTLINE_BUFFERS: Final = 15
"""Bytes of these buffers for each byte of a body, rounded up: tape 8, positions 4, strings 1.7, a copy 1."""


class Outliner:
    """Looks at JSON without making objects of what is in it, with buffers of its own; not for several threads at once.

    simdjson checks all of a body two to seven times as fast as a parser that makes objects (ADR 39). What it refuses
    or cannot hold is for that parser, whose word counts: simdjson must accept nothing more, and does so only after a
    byte order mark.
    """

    def __init__(self) -> None:
        self._parser = None if simdjson is None else simdjson.Parser(MAX_OUTLINED_BYTES)
        self._longest = 0

    @property
    def held_bytes(self) -> int:
        """Bytes that its buffers take, at most."""
        return self._longest * OUTLINE_BUFFERS

    def has(self, body: bytes, names: tuple[str, ...]) -> bool | None:
        """Whether a body, which is an object, has all these names; None if that cannot be said, or it is none."""
        size = len(body)
        if self._parser is None or size > MAX_OUTLINED_BYTES or not body.startswith(b"{"):
            return None
        self._longest = max(self._longest, size)
        try:
            content: Any = self._parser.parse(body)
            for name in names:
                if name not in content:
                    return False
        except (ValueError, RuntimeError, MemoryError):  # not JSON, or only not for it; no memory
            return None
        return True


OUTLINER: Final = Outliner()
"""That of the process, for its event loop."""


class ProviderAnswer(Struct, frozen=True, gc=False):
    """The answer of a source, to pass on to the caller."""

    status: int
    body: bytes
    codes: tuple[str, ...] = ()
    """The error codes that it carries."""
    moved_to: str = ""
    """For a redirection, the path to call instead, without a query; else empty."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Further headers of the answer."""
    cached: bool = False
    """Whether it came from the cache."""
    stale: bool = False
    """Whether the cached answer is older than it may be, as the provider is down."""
    expires_at: float | None = None
    """Unix time in seconds from which it is useless, such as the expiry of a link in it; None for never."""
    documents: tuple[str, ...] = ()
    """The names in logs of the documents that it links to."""
    content: Any = None
    """The body as it was parsed, where a mask will need that; others may have the same, so nobody changes it."""


def read(route: Route, answer: Response, *, with_content: bool = False) -> ProviderAnswer:
    """The answer to the caller.

    Args:
        route: the endpoint, with its provider.
        answer: that of the provider.
        with_content: whether a success is to be given with its content.

    Raises:
        Refusal: the provider failed, or its answer is not what the endpoint promises.
    """
    if not with_content and _is_plainly_promised(route.endpoint, answer):
        return ProviderAnswer(200, answer.body)
    content = content_of(answer)
    if answer.status == 200 or (answer.status == _PARTIAL and route.endpoint.flat):
        if not is_promised(route.endpoint, content):
            raise refusal(route, "999")
        return ProviderAnswer(answer.status, answer.body, content=content if with_content else None)
    if isinstance(content, dict) and answer.status in _OWN_FORM_STATUSES:
        errors = _errors(content)
        if errors:
            return _worded(route, answer, content, errors)
    if answer.status == _MOVED and route.endpoint.redirects:
        # The provider has replaced the number by another.
        return moved(route, answer.location.partition("?")[0].rpartition("/")[2])
    raise failure(route, answer.status)


def _is_plainly_promised(endpoint: Endpoint, answer: Response) -> bool:
    """Whether a quick look shows a success as promised; False says nothing of it."""
    if answer.status != 200 or endpoint.array or "json" not in answer.content_type.lower():
        return False
    found = OUTLINER.has(answer.body, _ENVELOPE)
    return found is True or (found is False and endpoint.flat)


def _worded(route: Route, answer: Response, content: dict[str, Any], errors: list[ApiError]) -> ProviderAnswer:
    """Errors of the provider in our form, with status and `retry_in` as our contract defines them.

    A provider that is down is always 502, with `retry_in`; 504 is only for our own deadline.
    """
    if route.endpoint.person is not None:
        raise Refusal(_status_of(answer.status, errors), *(_in_own_words(route, error) for error in errors))
    status, body = _status_of(answer.status, errors), answer.body
    patient = [_with_retry_in(error) for error in errors] if status >= 500 else errors
    if patient != errors:
        errors, body = patient, orjson.dumps(content | {"errors": [error.as_object() for error in patient]})
    if route.endpoint.flat:
        raise Refusal(status, *errors)
    return ProviderAnswer(status, body, tuple(error.code for error in errors))


def _in_own_words(route: Route, error: ApiError) -> ApiError:
    """An error about a person, by its code alone: the provider's own words may repeat what it was asked.

    Raises:
        Refusal: it is no error that the provider may have.
    """
    provider, subcode = route.provider, error.code[2:]
    if error.code in provider.errors:
        return provider.error(error.code)
    if error.code == _NETWORK_TROUBLE:
        return network_error().errors[0]
    if error.code[:2] != provider.prefix or subcode not in PROVIDER_ERRORS:
        raise refusal(route, "999")
    retry_in = error.meta.get("retry_in")
    given = retry_in if isinstance(retry_in, int) and not isinstance(retry_in, bool) else None
    return provider_error(subcode, prefix=provider.prefix, name=provider.name, retry_in=given).errors[0]


def _status_of(status: int, errors: list[ApiError]) -> int:
    if status < 500:
        return status
    if any(is_outage(error.code) for error in errors):
        return 502
    if all(is_late(error.code) for error in errors):
        return 504
    return 502 if status == 504 else status


def _with_retry_in(error: ApiError) -> ApiError:
    if not is_outage(error.code) or "retry_in" in error.meta:
        return error
    return replace(error, meta={**error.meta, "retry_in": OUTAGE_RETRY_IN})


def content_of(answer: Response) -> Any:
    """The body of an answer, parsed; None if it is not JSON."""
    if "json" not in answer.content_type.lower():
        return None
    try:
        return parsed(answer.body)
    except orjson.JSONDecodeError:
        return None


def parsed(body: bytes) -> Any:
    """Parse JSON.

    Raises:
        orjson.JSONDecodeError: it is not JSON.
    """
    if len(body) < _LARGE_BYTES or not gc.isenabled():
        return orjson.loads(body)
    # A million new objects trigger the garbage collector again and again, which takes longer than parsing.
    gc.disable()
    try:
        return orjson.loads(body)
    finally:
        gc.enable()


def failure(route: Route, status: int) -> Refusal:
    """The error that an unsuccessful status of the provider stands for."""
    own = route.endpoint.codes.get(status, ())
    if len(own) == 1 and status not in _STATUSES and status not in route.provider.statuses:
        return route.provider.own_error(own[0], status=status)
    return refusal(route, subcode_of(route.provider, status))


def subcode_of(provider: Provider, status: int) -> str:
    """The last three digits of the error that an unsuccessful status of a provider stands for."""
    return provider.statuses.get(status) or _STATUSES.get(status, "999")


def refusal(route: Route, subcode: str) -> Refusal:
    """An error of the provider, by the last three digits of its code."""
    return provider_error(subcode, prefix=route.provider.prefix, name=route.provider.name)


def moved(route: Route, number: str) -> ProviderAnswer:
    """A redirection to the same endpoint with another number.

    Raises:
        Refusal: the endpoint does not accept that number.
    """
    (parameter,) = route.endpoint.parameters
    if not parameter.kind.accepts(number):
        raise refusal(route, "999")
    return ProviderAnswer(_MOVED, b"", moved_to=route.endpoint.path.replace("{" + parameter.name + "}", number))


def is_promised(endpoint: Endpoint, content: Any) -> bool:
    """Whether the body of a success has the outer form that the endpoint promises."""
    if endpoint.array:
        return isinstance(content, list)
    if not isinstance(content, dict):
        return False
    return ("data" in content and "links" in content and "meta" in content) or endpoint.flat


def _errors(content: dict[str, Any]) -> list[ApiError]:
    """The errors of a body in our v3+ form; none if it has another."""
    entries = content.get("errors")
    if not isinstance(entries, list) or len(entries) > _MAX_ERRORS:
        return []
    errors = [_error(entry) for entry in entries if isinstance(entry, dict)]
    found = [error for error in errors if error is not None]
    return found if len(found) == len(entries) else []


def _error(entry: dict[str, Any]) -> ApiError | None:
    code, title, detail, meta = entry.get("code"), entry.get("title"), entry.get("detail"), entry.get("meta") or {}
    if not (isinstance(title, str) and isinstance(detail, str) and isinstance(meta, dict)):
        return None
    # The code becomes a label of a metric, so only valid codes are accepted.
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return None
    return ApiError(code=code, title=title, detail=detail, source=entry.get("source"), meta=meta)


def trouble(provider: Provider, answer: Response) -> str:
    """Why an answer of 5xx means that the provider itself fails; empty if it is about the request."""
    content = content_of(answer)
    if isinstance(content, dict) and answer.status in _OWN_FORM_STATUSES and (errors := _errors(content)):
        sick = any(error.code == _NETWORK_TROUBLE or error.code[2:] in _TROUBLE for error in errors)
    else:
        sick = (provider.statuses.get(answer.status) or _STATUSES.get(answer.status)) in _TROUBLE
    return f"it answered {answer.status}" if sick else ""
