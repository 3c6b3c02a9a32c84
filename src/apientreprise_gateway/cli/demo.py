"""The command `demo`: a gateway and fictive providers in one process; real providers in the environment are ignored."""

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.outcome import PROGRAM
from apientreprise_gateway.cli.sandbox import cases_of

if TYPE_CHECKING:
    from apientreprise_gateway.cli.demo_journal import DemoJournal
    from apientreprise_gateway.gateway.settings import Settings
    from apientreprise_gateway.sandbox.france_connect import FranceConnect

SETTINGS: Final = frozenset(
    {
        "BREAKER",
        "CACHE",
        "IGNORED_429_LIMIT",
        "LIMITS",
        "LIMIT_DOCUMENTS",
        "LIMIT_IP",
        "LIMIT_IP_PARTICULIER",
        "LIMIT_JSON",
        "LIMIT_PARTICULIER",
        "LOG_LEVEL",
        "USER_ID_REQUIRED",
        "WINDOW",
    }
)
"""The settings that a demonstration takes from the environment; docs/bac-a-sable.md lists them."""
_QUERY: Final = "?context=demo&object=essai&recipient=13002526500013"
_FIRST: Final = "/v4/insee/sirene/unites_legales/130025265"
_STUDENT: Final = "/v3/mesri/statut_etudiant/ine?ine=1234567890G&recipient=13002526500013"
_PERSON: Final = "/v3/dss/quotient_familial/france_connect?recipient=13002526500013"
_PERSON_TOKEN: Final = "fc-claire-martin"  # noqa: S105 - of an invented person, for the sandbox alone
_DOCUMENT: Final = "/v4/urssaf/unites_legales/130025265/attestation_vigilance"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("demo", help="gateway and sandbox providers in one command")
    arguments.add_address(parser, default_port=8080)
    arguments.add_cases(parser)
    parser.add_argument(
        "--documentation",
        type=arguments.built_site,
        metavar="FOLDER",
        help="the documentation site, for /documentation (default: dist/site, where `make site` puts it)",
    )
    parser.set_defaults(command=_demo, serves=True)


def _demo(options: argparse.Namespace) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="apientreprise-gateway-demo-") as folder:
        _serve(options, folder)


def _serve(options: argparse.Namespace, folder: str) -> None:
    """Serve the demonstration; `folder` is for keys, tokens, the journal and accounts."""
    import asyncio
    from functools import partial
    from pathlib import Path

    from apientreprise_gateway.cli import demo_portal
    from apientreprise_gateway.cli.demo_journal import DemoJournal
    from apientreprise_gateway.controlplane import site
    from apientreprise_gateway.controlplane.docs import DemoTokens
    from apientreprise_gateway.gateway.app import Gateway
    from apientreprise_gateway.gateway.settings import load
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.process import title
    from apientreprise_gateway.process.runner import Lifecycle, in_a_thread, listen, run
    from apientreprise_gateway.providers.products import PRODUCTS
    from apientreprise_gateway.sandbox.app import create_app
    from apientreprise_gateway.sandbox.france_connect import FranceConnect
    from apientreprise_gateway.sandbox.tokens.app import TokenPages, WithPages

    _drop_other_settings()
    configured = load()
    gateway_at = listen(options.host, options.port)
    portal_at = demo_portal.place(gateway_at, chosen=options.port != 0)
    sandbox_at = listen("127.0.0.1", 0)
    france_connect = FranceConnect(PRODUCTS, sleep=asyncio.sleep)
    overrides = _overrides(configured, sandbox_url=sandbox_at.url)
    journal, tokens = DemoJournal(Path(folder)), demo_portal.empty_token_file(Path(folder))
    overrides |= {"access_log": journal.log, "tokens": tokens}
    settings = load(**overrides, **_connected(france_connect, sandbox_url=sandbox_at.url, folder=folder))
    logs.configure(level=settings.log_level)
    token = _mint(settings)
    gateway = Gateway(settings, demo=DemoTokens(token, _PERSON_TOKEN))
    secret = _secret_of(settings)
    portal = demo_portal.make(
        portal_at, database=journal.url, gateway_url=gateway_at.url, jwt_secret=secret, tokens=tokens
    )
    journal.show()
    title.show(f"demo {gateway_at.address}")
    life = Lifecycle(
        ready=partial(in_a_thread, lambda: _welcome(gateway_at.url, sandbox_at.url, portal_at.url, token, journal)),
        reopen=partial(asyncio.to_thread, gateway.reopen),
        hurry=gateway.hurry,
        stop_timeout=lambda: gateway.stop_timeout,
    )
    pages = TokenPages(PRODUCTS, secret=secret, base=gateway_at.url, persons=france_connect.tokens).pages
    documentation = site.pages(options.documentation or site.BUILT)
    sandbox = create_app(products=PRODUCTS, links=gateway_at.url, pages=france_connect.pages, cases=cases_of(options))
    run(
        [(sandbox, sandbox_at), (portal, portal_at), (WithPages(gateway, {**pages, **documentation}), gateway_at)], life
    )
    journal.end()


def _drop_other_settings() -> None:
    """Remove the settings that a demonstration ignores from the environment, and print which were set."""
    import os

    from apientreprise_gateway.gateway.settings import PREFIX

    ours = {PREFIX + name for name in SETTINGS}
    others = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in ours)
    told = [name for name in others if os.environ.pop(name)]
    if told:
        print(f"Not used by a demonstration: {', '.join(told)}.", file=sys.stderr, flush=True)


def _overrides(configured: "Settings", *, sandbox_url: str) -> dict[str, Any]:
    """The settings that a demonstration sets itself; only the breaker may be set by the environment."""
    import secrets

    from apientreprise_gateway.gateway.settings import BreakerUse, PingProbes

    overrides: dict[str, Any] = {
        "upstream_url": sandbox_url,
        "ping_probes": PingProbes.ALL,
        "jwt_secrets": secrets.token_hex(32),
        "pseudonym_key": secrets.token_hex(32),
    }
    if "breaker" not in configured.model_fields_set:
        overrides["breaker"] = BreakerUse.OFF  # a user who tries faults should see each of them
    return overrides


def _connected(france_connect: "FranceConnect", *, sandbox_url: str, folder: str) -> dict[str, str]:
    """The settings by which the gateway asks the FranceConnect of the sandbox; the keys are put in a folder."""
    from pathlib import Path

    from apientreprise_gateway.sandbox.france_connect import CLIENT, INTROSPECTION

    key, jwks = Path(folder, "key.pem"), Path(folder, "jwks.json")
    key.write_bytes(france_connect.gateway_pem)
    jwks.write_bytes(france_connect.jwks)
    return {
        "france_connect_url": sandbox_url + INTROSPECTION,
        "france_connect_client_id": CLIENT[0],
        "france_connect_client_secret": CLIENT[1],
        "france_connect_key": str(key),
        "france_connect_jwks": str(jwks),
    }


def _mint(settings: "Settings") -> str:
    """A token with every scope."""
    from datetime import UTC, datetime

    from apientreprise_gateway.auth.issue import issue
    from apientreprise_gateway.providers.products import PRODUCTS

    scopes = sorted({scope for product in PRODUCTS for scope in product.scopes})
    return issue(secret=_secret_of(settings), scopes=scopes, subject="demo", issued_at=datetime.now(UTC))


def _secret_of(settings: "Settings") -> str:
    """The key of this demonstration, with which no other gateway verifies tokens."""
    return settings.jwt_secrets[0].get_secret_value()


def _welcome(gateway: str, sandbox: str, portal: str, token: str, journal: "DemoJournal") -> None:
    _print_welcome(gateway, sandbox, portal, token, journal.url)
    journal.store()


def _print_welcome(gateway: str, sandbox: str, portal: str, token: str, journal: str) -> None:
    from apientreprise_gateway.cli import demo_portal

    print(
        f"Gateway:  {gateway}/docs\nSandbox:  {sandbox} (fictive providers)\n"
        f"Tokens:   {gateway}/sandbox (with the scopes of your choice)\n"
        f"Guides:   {gateway}/documentation\n{demo_portal.welcome(portal)}\n\n"
        "Try this; its token opens every endpoint until this command stops:\n"
        f"curl -i -H 'Authorization: Bearer {token}' '{gateway}{_FIRST}{_QUERY}'\n\n"
        "A document: the same with this address; the link that its answer holds needs no token:\n"
        f"'{gateway}{_DOCUMENT}{_QUERY}'\n\n"
        "A person: the same, too:\n"
        f"'{gateway}{_STUDENT}'\n\n"
        "A person who has signed in with FranceConnect; all such test tokens are on the page of tokens:\n"
        f"curl -i -H 'Authorization: Bearer {_PERSON_TOKEN}' '{gateway}{_PERSON}'\n\n"
        "Who asked what, and why, in another terminal:\n"
        f"PORTAL_DATABASE_URL={journal} {_typed()} journal search --reason demo\n\n"
        "Each answer leaves one line here. Ctrl+C stops.",
        flush=True,
    )


def _typed() -> str:
    """What this program was started with, as it may be on no path that commands are looked for in."""
    return sys.argv[0] if sys.argv[0].endswith(f"/{PROGRAM}") else PROGRAM
