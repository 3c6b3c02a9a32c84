"""Bodies as they came, read by the form that their source has."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from apientreprise_gateway.accounts import own_form
from apientreprise_gateway.accounts.datapass import v1, v2
from apientreprise_gateway.accounts.events import NotOurs, Reading
from apientreprise_gateway.accounts.model import ProductKey

_Reader = Callable[[Mapping[str, Any], ProductKey, datetime], Reading]

READERS: Final[Mapping[str, _Reader]] = MappingProxyType(
    {v1.SOURCE: v1.read, v2.SOURCE: v2.read, own_form.SOURCE: own_form.read}
)
"""What reads the bodies of each source."""


class NoJsonError(Exception):
    """A body is no JSON."""


def read(source: str, body: bytes, product: ProductKey, now: datetime) -> Reading:
    """What a body says; `now` is when it arrived.

    Raises:
        NoJsonError: it is no JSON.
    """
    said = parse(body)
    return READERS[source](said, product, now) if isinstance(said, dict) else NotOurs(name="")


def parse(body: bytes) -> object:
    """The JSON of a body.

    Raises:
        NoJsonError: it is none, or nests deeper than anything that is sent.
    """
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise NoJsonError from error
