"""Reads the settings, and explains those that are unknown or wrong.

A setting is refused with one line that names it, says what is wrong and what to do. The line never shows the value,
which may be a secret.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from apientreprise_gateway.config.environment import SettingsError, nearest, remedy, unknown
from apientreprise_gateway.gateway.settings import providers, requirements
from apientreprise_gateway.gateway.settings.model import Settings, fields_of, settings_of
from apientreprise_gateway.gateway.settings.names import CONFIG, PREFIX, PROVIDER_PREFIX, environment_name
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS


def load(products: tuple[Product, ...] = PRODUCTS, /, **given: Any) -> Settings:
    """Read the settings.

    Args:
        products: the products to serve.
        given: settings that take precedence over the environment.

    Raises:
        SettingsError: one of them cannot be used.
    """
    # Checked first: how pydantic combines such variables is not defined.
    _raise_if_any(list(_overlapping(os.environ)))
    fields = fields_of(products)
    problems = list(_unknown(os.environ, fields))
    path = os.environ.get(CONFIG)
    if path and not Path(path).is_file():
        raise SettingsError(f"{CONFIG}: there is no file {path}. Point it at a TOML file, or unset it.")
    try:
        settings = settings_of(products)(**given)
    except ValidationError as error:
        problems += _lines(error, products)
        raise SettingsError("\n".join(problems)) from None  # the chained text could show a secret
    except ValueError as error:
        problems.append(f"{CONFIG}: {path} is not valid TOML ({error}). Correct it, or unset it.")
        raise SettingsError("\n".join(problems)) from error
    _raise_if_any([*problems, *requirements.contradictions(settings)])
    return settings


def _raise_if_any(problems: list[str]) -> None:
    if problems:
        raise SettingsError("\n".join(problems))


def _unknown(environment: Mapping[str, str], fields: Iterable[str]) -> Iterator[str]:
    """The problems with variables that name no setting."""
    known = {environment_name(field) for field in fields} | {CONFIG}
    # Those of single providers are left out: pydantic itself finds unknown names in their table.
    named = {name: value for name, value in environment.items() if not name.startswith(PROVIDER_PREFIX)}
    return unknown(named, PREFIX, known)


def _overlapping(environment: Mapping[str, str]) -> Iterator[str]:
    """The problems with variables that set a part of a table that another variable sets as a whole."""
    for name in environment:
        if not name.startswith(PROVIDER_PREFIX):
            continue
        parts = name.split("__")
        wholes = ("__".join(parts[:end]) for end in range(2, len(parts)))
        whole = next((each for each in wholes if environment.get(each)), None)
        if whole is not None:
            yield f"{name}: {whole} gives a value for all of it. Remove one of them."


def _lines(error: ValidationError, products: tuple[Product, ...]) -> list[str]:
    """The first problem of each setting, in one line, without the value that caused it."""
    found: dict[tuple[int | str, ...], str] = {}
    for problem in error.errors(include_input=False, include_url=False):
        place = problem["loc"]
        if place[:1] == ("providers",):
            unknown = ("providers", place[1] if len(place) > 1 else "", "[key]")
            place = unknown if unknown in found else place[:3]
        else:
            place = place[:1]
        found.setdefault(place, _line(problem, products))
    return list(found.values())


def _line(problem: Mapping[str, Any], products: tuple[Product, ...]) -> str:
    if problem["loc"][:1] == ("providers",) and len(problem["loc"]) > 1:
        keys = [provider.key for product in products for provider in product.providers]
        return providers.explain({**problem, "loc": problem["loc"][1:]}, PROVIDER_PREFIX, keys)
    fields = fields_of(products)
    field = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        return f"{CONFIG}: {field} is no setting. {remedy(nearest(field, fields))}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{environment_name(field)}: {message}. Expected: {fields[field].description}"
