"""The command `status probe`: measures the status page's components from the machine that it runs on."""

import argparse


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    status = commands.add_parser("status", help="whether the service and its sources work")
    subcommands = status.add_subparsers(title="commands", required=True, metavar="COMMAND")
    probe = subcommands.add_parser(
        "probe", help="ask the gateways, sources and portal each minute, as configured by PORTAL_…, until stopped"
    )
    probe.add_argument("--once", action="store_true", help="ask once, print what was found, and write nothing")
    probe.set_defaults(command=_probe)


def _probe(options: argparse.Namespace) -> int:
    import asyncio

    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.config.environment import SettingsError
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.portal.settings import load
    from apientreprise_gateway.portal.statut.loops import Measure, found_now
    from apientreprise_gateway.providers.products import PRODUCTS
    from apientreprise_gateway.status.components import components_of

    settings, components = load(), components_of(PRODUCTS)
    if not (settings.status_gateways or settings.gateway_url):
        raise SettingsError("PORTAL_STATUS_GATEWAYS: no gateway is named. Set it, or PORTAL_GATEWAY_URL.")
    if options.once:
        for name, state in asyncio.run(found_now(settings, components)).items():
            print(f"{state}  {name}")
        return 0
    logs.configure(level=settings.log_level)
    with use_database() as engine:
        asyncio.run(Measure(engine, settings, components).run())
    return 0
