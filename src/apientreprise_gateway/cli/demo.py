"""The command `demo`: a gateway and fictive providers, whatever the environment says of real ones."""

import argparse
import asyncio
import os
import secrets
import sys
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from apientreprise_gateway.gateway import settings as all_settings

SETTINGS: Final = frozenset(
    {
        "BREAKER",
        "CACHE",
        "IGNORED_429_LIMIT",
        "LIMITS",
        "LIMIT_DOCUMENTS",
        "LIMIT_IP",
        "LIMIT_JSON",
        "LOG_LEVEL",
        "USER_ID_REQUIRED",
        "WINDOW",
    }
)
"""The settings of the environment that a demonstration takes; docs/bac-a-sable.md names them."""
_QUERY: Final = "?context=demo&object=essai&recipient=13002526500013"
_FIRST: Final = "/v4/insee/sirene/unites_legales/130025265"
_DOCUMENT: Final = "/v4/urssaf/unites_legales/130025265/attestation_vigilance"


def demo(options: argparse.Namespace) -> None:
    """Serve until a signal asks to stop."""
    from apientreprise_gateway.auth.issue import issue  # noqa: PLC0415
    from apientreprise_gateway.gateway.app import Gateway  # noqa: PLC0415 - takes long
    from apientreprise_gateway.observability import logs  # noqa: PLC0415
    from apientreprise_gateway.process import title  # noqa: PLC0415
    from apientreprise_gateway.process.runner import Life, apart, listen, run  # noqa: PLC0415
    from apientreprise_gateway.providers import PROVIDERS  # noqa: PLC0415
    from apientreprise_gateway.sandbox.app import create_app  # noqa: PLC0415

    _leave_out_the_rest()
    configured = all_settings.load()
    gateway_at = listen(options.host, options.port)
    sandbox_at = listen("127.0.0.1", 0)
    given: dict[str, Any] = {
        "upstream_url": sandbox_at.url,
        "ping_probes": all_settings.PingProbes.ALL,
        "jwt_secrets": secrets.token_hex(32),
    }
    if "breaker" not in configured.model_fields_set:
        given["breaker"] = all_settings.BreakerUse.OFF  # whoever tries faults is shown each of them
    settings = all_settings.load(**given)
    logs.configure(level=settings.log_level)
    scopes = sorted({scope for provider in PROVIDERS for endpoint in provider.endpoints for scope in endpoint.scopes})
    token = issue(
        secret=settings.jwt_secrets[0].get_secret_value(), scopes=scopes, subject="demo", issued_at=datetime.now(UTC)
    )
    gateway = Gateway(settings, demo_token=token)
    title.show(f"demo {gateway_at.address}")
    life = Life(
        ready=partial(apart, lambda: _tell(gateway_at.url, sandbox_at.url, token)),
        reopen=partial(asyncio.to_thread, gateway.reopen),
        hurry=gateway.hurry,
        stop_timeout=lambda: gateway.stop_timeout,
    )
    run([(create_app(links=gateway_at.url), sandbox_at), (gateway, gateway_at)], life)


def _leave_out_the_rest() -> None:
    """Take out of the environment what a demonstration does not heed, and say so."""
    ours = {all_settings.PREFIX + name for name in SETTINGS}
    others = sorted(name for name in os.environ if name.startswith(all_settings.PREFIX) and name not in ours)
    told = [name for name in others if os.environ.pop(name)]
    if told:
        print(f"Not used by a demonstration: {', '.join(told)}.", file=sys.stderr, flush=True)


def _tell(gateway: str, sandbox: str, token: str) -> None:
    print(
        f"Gateway:  {gateway}/docs\nSandbox:  {sandbox} (fictive providers)\n\n"
        "Try this; its token opens every endpoint until this command stops:\n"
        f"curl -i -H 'Authorization: Bearer {token}' '{gateway}{_FIRST}{_QUERY}'\n\n"
        "A document: the same with this address; the link that its answer holds needs no token:\n"
        f"'{gateway}{_DOCUMENT}{_QUERY}'\n\n"
        "Each answer leaves one line here. Ctrl+C stops.",
        flush=True,
    )
