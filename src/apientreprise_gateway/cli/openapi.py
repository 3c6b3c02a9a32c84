"""The command `openapi`: prints the OpenAPI file of a product."""

import argparse
import json

from apientreprise_gateway.cli.outcome import refuse


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("openapi", help="the OpenAPI file")
    parser.add_argument("--product", metavar="NAME", help="of which product; the first one by default")
    parser.add_argument("--json", action="store_true", help="as JSON instead of YAML")
    parser.add_argument("--current", action="store_true", help="without what is deprecated")
    parser.set_defaults(command=_openapi)


def _openapi(options: argparse.Namespace) -> int:
    from apientreprise_gateway.controlplane.openapi import document, to_yaml
    from apientreprise_gateway.providers.products import PRODUCTS

    found = {name: product for product in PRODUCTS for name in (product.name, product.key)}
    product = PRODUCTS[0] if options.product is None else found.get(options.product)
    if product is None:
        return refuse(f"no product {options.product!r}: choose one of {', '.join(each.name for each in PRODUCTS)}")
    told = document(product, current=options.current)
    print(json.dumps(told, indent=2, ensure_ascii=False) + "\n" if options.json else to_yaml(told), end="")
    return 0
