"""The command `catalogue`: lists the endpoints, with the limits that the settings give them."""

import argparse
import json

from apientreprise_gateway.cli.output import print_table


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("catalogue", help="the endpoints")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(command=_catalogue)


def _catalogue(options: argparse.Namespace) -> None:
    from apientreprise_gateway.gateway.settings import load
    from apientreprise_gateway.providers.products import PRODUCTS

    settings = load()
    rows = [
        {
            "product": product.key,
            "path": endpoint.path,
            "operation": endpoint.operation,
            "provider": provider.name,
            "answer": endpoint.answer.value,
            "group": endpoint.group.name,
            "limit": settings.limit(endpoint.group.limit.setting),
            "seconds": endpoint.group.seconds,
            "scopes": list(endpoint.scopes),
            "cache": None if endpoint.cache is None else endpoint.cache.text,
            "summary": endpoint.summary,
        }
        for product in PRODUCTS
        for provider in product.providers
        for endpoint in provider.endpoints
    ]
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    print_table(rows, ("path", "provider", "answer", "group", "limit", "seconds", "scopes"))
