"""The command `check`: whether the configuration can be served, and with `--online` whether what it names answers."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from apientreprise_gateway.cli.tables import print_table
from apientreprise_gateway.gateway import settings as all_settings
from apientreprise_gateway.gateway.services import FAILED, ServiceResult, ask_services, shown_place

if TYPE_CHECKING:
    from apientreprise_gateway.gateway.app import Gateway
    from apientreprise_gateway.pings.check import Result

_FAILURE: Final = 1
_PLACES: Final = frozenset({"jwks", "documents", "traces_url", "upstream_url", "public_url"})
"""Fields that may be an address."""


def check(options: argparse.Namespace) -> int:
    """Show every setting, then ask what they name if that is wanted; the exit status."""
    from apientreprise_gateway.gateway.app import Gateway  # noqa: PLC0415 - takes long
    from apientreprise_gateway.gateway.verify import told_together  # noqa: PLC0415
    from apientreprise_gateway.observability import logs  # noqa: PLC0415

    settings = all_settings.load()
    all_settings.require_for_serving(settings)
    logs.configure(level=settings.log_level)
    with told_together(settings):
        gateway = Gateway(settings)  # as serve would make it, files included
    for field in all_settings.Settings.model_fields:
        value = getattr(settings, field)
        print(f"{all_settings.environment_name(field)} = {_shown(field, value)}")
    for key, own in sorted(settings.providers.items()):
        print(f"{all_settings.PROVIDER_PREFIX}{key.upper()} = {own}")
    return asyncio.run(_online(settings, gateway)) if options.online else _say_fit()


def _say_fit() -> int:
    print("This configuration can be served.")
    return 0


async def _online(settings: all_settings.Settings, gateway: "Gateway") -> int:
    services, sources = await asyncio.gather(
        ask_services(settings, gateway.ask_documents), gateway.ask_sources(on_progress=_show_progress)
    )
    if services:
        print()
        print_table([_cells(each) for each in services], ("setting", "service", "status", "ms", "problem"))
        print()
    _say_fit()
    print()
    rows = [
        {
            "provider": result.provider,
            "source": result.source,
            "status": result.status,
            "ms": result.milliseconds,
            "problem": result.problem,
        }
        for result in sources
    ]
    print_table(rows, ("provider", "source", "status", "ms", "problem"))
    failed = sorted({each.setting for each in services if each.status == FAILED})
    print(f"\n{_verdict(failed, sources)}")
    return _FAILURE if failed or any(each.status == "bad_gateway" for each in sources) else 0


def _show_progress(done: int, number: int) -> None:
    if sys.stderr.isatty():
        end = "\r\033[K" if done == number else ""
        print(f"\rAsking the providers: {done} of {number} have answered{end}", end="", file=sys.stderr, flush=True)


def _cells(result: ServiceResult) -> dict[str, object]:
    return {
        "setting": result.setting,
        "service": result.service,
        "status": result.status,
        "ms": result.milliseconds,
        "problem": result.problem,
    }


def _verdict(failed: Sequence[str], sources: Sequence["Result"]) -> str:
    """The last line: what does not work, by name where it is our own; who is in maintenance does not count as that."""
    found = Counter(each.status for each in sources)
    bad, resting = found["bad_gateway"], found["maintenance"]
    said = [f"{', '.join(failed)} {'does' if len(failed) == 1 else 'do'} not work"] if failed else []
    if bad:
        said.append(f"{bad} of {len(sources)} sources do not work")
    else:
        said.append(f"{'All' if not resting else found['ok']} {'of ' if resting else ''}{len(sources)} sources answer")
    if resting:
        said.append(f"{resting} in planned maintenance")
    return "; ".join(said) + "."


def _shown(field: str, value: object) -> str:
    """A setting in one line, without a secret; of an address everything but the password."""
    if field == "jwt_secrets" and isinstance(value, tuple):
        return f"({len(value)} set)"
    if isinstance(value, SecretStr) and field in ("redis_url", "cache_redis_url"):
        return shown_place(value.get_secret_value())
    if value is not None and field in _PLACES:
        return shown_place(str(value))
    if isinstance(value, Mapping):
        value = tuple(sorted(value))
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "(none)"
    return "(unset)" if value is None else str(value)
