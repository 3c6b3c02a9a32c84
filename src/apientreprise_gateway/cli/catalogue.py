"""The command `catalogue`: lists the endpoints, with the limits that the settings give them."""

import argparse
import json

from apientreprise_gateway.cli.outcome import refuse
from apientreprise_gateway.cli.output import print_table


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("catalogue", help="the endpoints")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="as JSON: all that is known of each")
    forms.add_argument("--use-cases", action="store_true", help="the use cases in JSON, with their operations")
    forms.add_argument("--collection", metavar="PRODUCT", help="a product's collection of requests (Postman v2.1)")
    parser.set_defaults(command=_catalogue)


def _catalogue(options: argparse.Namespace) -> int:
    from apientreprise_gateway.catalogue.collection import collection
    from apientreprise_gateway.catalogue.document import catalogue
    from apientreprise_gateway.gateway.settings import load
    from apientreprise_gateway.gateway.terms import terms_of
    from apientreprise_gateway.providers.products import PRODUCTS

    found = {name: product for product in PRODUCTS for name in (product.name, product.key)}
    if options.collection is not None and options.collection not in found:
        names = ", ".join(each.name for each in PRODUCTS)
        return refuse(f"no product {options.collection!r}: choose one of {names}")
    products = PRODUCTS if options.collection is None else (found[options.collection],)
    whole = catalogue(products, terms_of(load(), PRODUCTS))
    if options.collection is not None:
        _print_json(collection(whole))
    elif options.use_cases:
        _print_json([{"product": each["key"], **case} for each in whole["products"] for case in each["use_cases"]])
    elif options.json:
        _print_json(whole["operations"])
    else:
        columns = ("path", "provider", "answer", "group", "limit", "seconds", "scopes")
        print_table(whole["operations"], columns)
    return 0


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
