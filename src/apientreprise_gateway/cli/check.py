"""The command `check`: whether the configuration can be served; with `--online`, also whether what it names answers."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from apientreprise_gateway.cli.outcome import FAILURE
from apientreprise_gateway.cli.output import print_table

if TYPE_CHECKING:
    from apientreprise_gateway.gateway.app import Gateway
    from apientreprise_gateway.gateway.services import ServiceResult
    from apientreprise_gateway.gateway.settings import Settings
    from apientreprise_gateway.pings.check import Result

_PLACES: Final = frozenset(
    {"jwks", "documents", "traces_url", "upstream_url", "public_url", "france_connect_url", "france_connect_jwks"}
)
"""Settings whose value may be a URL; a password in it is not shown."""
_SERVABLE: Final = "This configuration can be served."
_SERVICE_COLUMNS: Final = ("setting", "service", "status", "ms", "problem")
_SOURCE_COLUMNS: Final = ("provider", "source", "status", "ms", "problem")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("check", help="say whether the configuration can be served")
    parser.add_argument("--online", action="store_true", help="also ask every provider once, and show what it says")
    parser.set_defaults(command=_check)


def _check(options: argparse.Namespace) -> int:
    """Show every setting; with `--online`, then ask the services and sources that they name."""
    import asyncio

    from apientreprise_gateway.gateway import settings as all_settings
    from apientreprise_gateway.gateway.app import Gateway
    from apientreprise_gateway.gateway.verify import told_together
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.providers.products import PRODUCTS

    settings = all_settings.load()
    all_settings.require_for_serving(settings)
    logs.configure(level=settings.log_level)
    with told_together(settings):
        gateway = Gateway(settings)  # made as `serve` makes it, which also reads the files
    for field in all_settings.fields_of(PRODUCTS):
        value = getattr(settings, field)
        print(f"{all_settings.environment_name(field)} = {_shown(field, value)}")
    for key, own in sorted(settings.providers.items()):
        print(f"{all_settings.PROVIDER_PREFIX}{key.upper()} = {own}")
    remarks = list(all_settings.remarks(settings))
    if remarks:
        print("\n", "\n".join(remarks), "\n", sep="")
    if options.online:
        return asyncio.run(_check_online(settings, gateway))
    print(_SERVABLE)
    return 0


async def _check_online(settings: "Settings", gateway: "Gateway") -> int:
    import asyncio

    from apientreprise_gateway.gateway.services import FAILED, ask_services

    services, sources = await asyncio.gather(
        ask_services(settings, gateway.ask_documents), gateway.ask_sources(on_progress=_show_progress)
    )
    if services:
        print()
        print_table([_service_row(each) for each in services], _SERVICE_COLUMNS)
        print()
    print(_SERVABLE)
    print()
    print_table([_source_row(each) for each in sources], _SOURCE_COLUMNS)
    failed = sorted({each.setting for each in services if each.status == FAILED})
    print(f"\n{_verdict(failed, sources)}")
    return FAILURE if failed or any(each.status == "bad_gateway" for each in sources) else 0


def _show_progress(done: int, number: int) -> None:
    if sys.stderr.isatty():
        end = "\r\033[K" if done == number else ""
        print(f"\rAsking the providers: {done} of {number} have answered{end}", end="", file=sys.stderr, flush=True)


def _service_row(result: "ServiceResult") -> dict[str, object]:
    return {
        "setting": result.setting,
        "service": result.service,
        "status": result.status,
        "ms": result.milliseconds,
        "problem": result.problem,
    }


def _source_row(result: "Result") -> dict[str, object]:
    return {
        "provider": result.provider,
        "source": result.source,
        "status": result.status,
        "ms": result.milliseconds,
        "problem": result.problem,
    }


def _verdict(failed: Sequence[str], sources: Sequence["Result"]) -> str:
    """The last line: the settings that do not work, and how many sources do not; others are counted apart."""
    from collections import Counter

    found = Counter(each.status for each in sources)
    asked = len(sources) - found["unknown"]
    said = [f"{', '.join(failed)} {'does' if len(failed) == 1 else 'do'} not work"] if failed else []
    if found["bad_gateway"]:
        said.append(f"{found['bad_gateway']} of {asked} sources do not work")
    elif found["maintenance"]:
        said.append(f"{found['ok']} of {asked} sources answer")
    else:
        said.append(f"All {asked} sources answer")
    if found["maintenance"]:
        said.append(f"{found['maintenance']} in planned maintenance")
    if found["unknown"]:
        said.append(f"{found['unknown']} not asked")
    return "; ".join(said) + "."


def _shown(field: str, value: object) -> str:
    """The value of a setting in one line, without secrets; a URL is shown without its password."""
    from pydantic import SecretStr

    from apientreprise_gateway.config.shown import shown_place

    if field == "jwt_secrets" and isinstance(value, tuple):
        return f"({len(value)} set)"
    if isinstance(value, SecretStr) and field in ("redis_url", "cache_redis_url"):
        return shown_place(value.get_secret_value())
    if value is not None and field in _PLACES:
        return shown_place(str(value))
    if isinstance(value, Mapping):
        value = tuple(f"{key}={each}" if isinstance(each, str) else key for key, each in sorted(value.items()))
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "(none)"
    return "(unset)" if value is None else str(value)
