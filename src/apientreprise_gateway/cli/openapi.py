"""The command `openapi`: prints the OpenAPI file."""

import argparse


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    commands.add_parser("openapi", help="the OpenAPI file").set_defaults(command=_openapi)


def _openapi(_options: argparse.Namespace) -> None:
    from apientreprise_gateway.controlplane.openapi import document, to_yaml
    from apientreprise_gateway.providers.products import PRODUCTS

    print(to_yaml(document(PRODUCTS[0])), end="")
