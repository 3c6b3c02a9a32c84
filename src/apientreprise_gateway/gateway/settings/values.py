"""Types of single settings: how a value is written, and which values are valid."""

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr
from pydantic_settings import NoDecode

from apientreprise_gateway.config.keys import parse_key, parse_keys
from apientreprise_gateway.net.addresses import Network, network
from apientreprise_gateway.store.url import parse_url
from apientreprise_gateway.upstream.secret import Secret, resolved

S3_SCHEME: Final = "s3://"
_BUCKET: Final = re.compile(rf"{S3_SCHEME}[a-z0-9][a-z0-9.-]{{1,62}}(/[A-Za-z0-9_.-]+)*/?")


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: object) -> object:
    parts = _split(value)
    return tuple(_network(str(part)) for part in parts) if isinstance(parts, list | tuple) else parts


def _network(text: str) -> Network:
    everybody = f"{text} means everybody: name the addresses or networks"
    if text == "*":
        raise ValueError(everybody)
    found = network(text, strict=True)
    if found.prefixlen == 0:
        raise ValueError(everybody)
    return found


def _check_redis_url(value: SecretStr) -> SecretStr:
    parse_url(value.get_secret_value())
    return value


def _key_set_address(value: object) -> Path | str:
    text = str(value)
    if "://" not in text:
        if not Path(text).is_file():
            raise ValueError("there is no such file")
        return Path(text)
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL with credentials is not supported")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("keys are fetched by https alone, or by http from this machine")
    if not parts.hostname or parts.port == 0:  # `port` itself raises a ValueError if it is no number
        raise ValueError("the URL names no host")
    return text


def _check_introspection(text: str) -> str:
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong in an address")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("FranceConnect is asked by https alone, or by http on this machine")
    if not parts.hostname or parts.port == 0 or parts.fragment or not text.isascii() or not text.isprintable():
        raise ValueError("it is no address of a page")
    return text


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _check_documents(value: str) -> str:
    if value.startswith(S3_SCHEME):
        if not _BUCKET.fullmatch(value):
            raise ValueError("this names no bucket")
    elif "://" in value:
        raise ValueError("this is neither a folder nor a bucket")
    return value


def _place(value: object) -> object:
    """Where a secret is, which the environment says in JSON: `{"file": "/run/secrets/name"}`."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("it is not valid JSON") from None
    return value


def _ring(value: object) -> object:
    """Keys of which each is given as it is or by where it is, as one text."""
    if isinstance(value, str) and "{" in value:
        value = list(_parts(value))
    return ",".join(_text(part) for part in value) if isinstance(value, list | tuple) else value


def _parts(text: str) -> Iterator[object]:
    """What commas separate; what begins as a JSON object is read as one, commas and all."""
    comma = ","
    while comma:
        text = text.lstrip()
        part: object = ""
        if text.startswith("{"):
            try:
                part, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                raise ValueError("it is not valid JSON") from None
            text = text[end:]
        rest, comma, text = text.partition(",")
        if part and rest.strip():
            raise ValueError("it is not valid JSON")
        yield part or rest


def _text(key: object) -> str:
    found = resolved(key)
    return found.get_secret_value() if isinstance(found, SecretStr) else found


def _check_key(value: SecretStr) -> SecretStr:
    parse_key(value.get_secret_value())
    return value


def _check_keys(value: SecretStr) -> SecretStr:
    parse_keys(value.get_secret_value())
    return value


def chosen_of(names: Mapping[str, str]) -> Any:
    """The type of a list of names, separated by commas; each may be written as any of the keys of `names`."""

    def choose(value: object) -> object:
        parts = _split(value)
        if not isinstance(parts, list | tuple):
            return parts
        unknown = [part for part in parts if part not in names]
        if unknown or not parts:
            raise ValueError(f"name one or more of {', '.join(dict.fromkeys(names.values()))}")
        return tuple(dict.fromkeys(names[str(part)] for part in parts))

    return Annotated[tuple[str, ...], NoDecode, BeforeValidator(choose)]


_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")


def hosts_of(names: Mapping[str, str]) -> Any:
    """The type of a table of hosts with the name of a product each, which may be written as any of the keys of `names`.

    As a text it is `host=product`, separated by commas, or a JSON object.
    """

    def pairs_of(value: object) -> list[tuple[str, str]]:
        table = _place(value)
        if isinstance(table, Mapping):
            return [(str(host).lower(), str(name)) for host, name in table.items()]
        parts = [str(part).partition("=") for part in cast("tuple[object, ...]", _split(table))]
        return [(host.strip().lower(), name.strip()) for host, _, name in parts]

    def choose(value: object) -> object:
        if not isinstance(value, str | Mapping | list | tuple):
            return value
        pairs = pairs_of(value)
        for host, name in pairs:
            if not _HOST.fullmatch(host):
                raise ValueError("write host=product, the host without scheme, port or path")
            if name not in names:
                raise ValueError(f"the product of a host is one of {', '.join(dict.fromkeys(names.values()))}")
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a host is there twice")
        return {host: names[name] for host, name in pairs}

    return Annotated[dict[str, str], NoDecode, BeforeValidator(choose)]


def _in_capitals(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


DocumentPlace = Annotated[str, AfterValidator(_check_documents)]
"""A folder, or `s3://bucket/prefix`."""
IntrospectionAddress = Annotated[str, AfterValidator(_check_introspection)]
"""The URL of a page, by `https`, or by `http` on this machine."""
KeySetAddress = Annotated[Path | str, PlainValidator(_key_set_address)]
"""A file, or the text of a URL."""
LogLevel = Annotated[str, BeforeValidator(_in_capitals)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
"""Addresses and CIDRs, separated by commas; a network of all addresses is refused."""
PerMinute = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""Calls per minute."""
PerMinuteOrAny = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""Calls per minute, 0 for any number."""
RedisAddress = Annotated[SecretStr, AfterValidator(_check_redis_url)]
"""A URL of Redis in one of the forms of `store/url.py`; secret, as it may hold a password."""
SecretKey = Annotated[Secret, BeforeValidator(_place), AfterValidator(_check_key)]
"""A key of 32 bytes, given as it is or by where it is; `config.keys.parse_key` reads it."""
SecretKeys = Annotated[Secret, BeforeValidator(_ring), AfterValidator(_check_keys)]
"""A ring of such keys, separated by commas, each as it is or by where it is; `config.keys.parse_keys` reads it."""
SecretText = Annotated[Secret, BeforeValidator(_place)]
"""A secret, given as it is or by where it is."""
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
"""Secrets separated by commas."""
