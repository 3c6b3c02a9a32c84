"""The table of providers in the settings: its type, its dialects, and explanations of what is wrong with it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator
from pydantic_settings import NoDecode

from apientreprise_gateway.config.environment import nearest
from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.upstream.settings import KINDS, TABLES, ProviderSettings


def _refuse_text(value: object) -> object:
    if isinstance(value, str):
        raise ValueError("each field of each provider has a variable of its own, such as …__INSEE__BASE_URL")
    return value


def providers_settings(keys: Iterable[str]) -> Any:
    """The type of the table of providers, which may have these keys."""
    known = frozenset(keys)

    def check_key(value: str) -> str:
        if value not in known:
            raise ValueError("there is no such provider")
        return value

    return Annotated[
        Mapping[Annotated[str, AfterValidator(check_key)], ProviderSettings], NoDecode, BeforeValidator(_refuse_text)
    ]


def unknown_dialects(settings: Mapping[str, ProviderSettings], prefix: str) -> Iterator[str]:
    """A line for each dialect that its provider does not have, with those that it has.

    Args:
        settings: the settings of the providers, by key.
        prefix: prefix of the variables of single providers.
    """
    for key, own in settings.items():
        known = DIALECTS.get(key, {})
        if own.dialect is not None and own.dialect not in known:
            remedy = _remedy(own.dialect, known) if known else "Leave the setting out: this provider has none."
            yield f"{prefix}{key.upper()}__DIALECT: there is no such dialect. {remedy}"


def explain(problem: Mapping[str, Any], prefix: str, keys: Iterable[str]) -> str:
    """A problem that pydantic found, in one line, without the value that caused it.

    Args:
        problem: one of `ValidationError.errors()`, whose `loc` begins with the key of the provider.
        prefix: prefix of the variables of single providers.
        keys: keys of all providers.
    """
    key, *steps = problem["loc"]
    if steps == ["[key]"]:
        return f"{prefix}{key.upper()}: there is no such provider. {_remedy(key, keys)}"
    table: type[BaseModel] = ProviderSettings
    place, window = [key], ""
    for step in steps:
        if isinstance(step, int):
            window = window or f"window {step + 1}: "
        elif step in TABLES and (step == "breaker" or place[-1] in ("auth", "maintenance")):
            table = TABLES[step]
            place += ["breaker"] * (step == "breaker")
        else:
            place.append(step)
    names = {info.alias or name: info for name, info in table.model_fields.items()}
    line = f"{prefix}{'__'.join(place).upper()}: {window}"
    if problem["type"] == "extra_forbidden":
        return f"{line}there is no such setting. {_remedy(place[-1], names)}"
    if problem["type"].startswith("union_tag"):
        return f"{line}its kind is missing or unknown. Expected: one of {', '.join(KINDS)} in `kind`."
    what = names.get(place[-1]) or ProviderSettings.model_fields.get(place[-1])
    expected = f". Expected: {what.description}" if what is not None and what.description else "."
    return f"{line}{problem['msg'].removeprefix('Value error, ')}{expected}"


def _remedy(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known := list(known))
    return f"Did you mean {near}?" if near else f"Those that exist: {', '.join(known)}."
