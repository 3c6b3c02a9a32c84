"""The command `sandbox`: serves fictive providers, without a gateway; `sandbox datapass` plays DataPass."""

import argparse
from typing import TYPE_CHECKING

from apientreprise_gateway.cli import arguments, sandbox_datapass

if TYPE_CHECKING:
    from apientreprise_gateway.sandbox.cases.folder import CaseFolder


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("sandbox", help="fictive providers for every endpoint")
    arguments.add_address(parser, default_port=8081)
    parser.add_argument(
        "--latency-ms", type=arguments.milliseconds, default=0, metavar="MS", help="delay of every answer (default: 0)"
    )
    parser.add_argument(
        "--error-rate",
        type=arguments.share,
        metavar="SHARE",
        help="share of calls that fail, 0 to 1 (default: 0; 1 with --fault)",
    )
    parser.add_argument("--fault", type=arguments.fault, metavar="NAME", help="how they fail (default: error-500)")
    parser.add_argument(
        "--documents", choices=("address", "base64", "file"), help="how documents are given (default: as each does)"
    )
    arguments.add_cases(parser)
    parser.set_defaults(command=_sandbox, serves=True)
    sandbox_datapass.add_to(parser.add_subparsers(title="commands", metavar="COMMAND"))


def _sandbox(options: argparse.Namespace) -> None:
    import asyncio
    from functools import partial

    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.process import title
    from apientreprise_gateway.process.runner import Lifecycle, in_a_thread, listen, run
    from apientreprise_gateway.providers.products import PRODUCTS
    from apientreprise_gateway.sandbox.app import create_app
    from apientreprise_gateway.sandbox.france_connect import FranceConnect
    from apientreprise_gateway.sandbox.world import Form

    logs.configure()
    error_rate = options.error_rate
    if error_rate is None:
        error_rate = 0.0 if options.fault is None else 1.0
    form = None if options.documents is None else Form(options.documents)
    app = create_app(
        products=PRODUCTS,
        latency_ms=options.latency_ms,
        error_rate=error_rate,
        fault=options.fault,
        form=form,
        pages=FranceConnect(PRODUCTS, sleep=asyncio.sleep).pages,
        cases=cases_of(options),
    )
    at = listen(options.host, options.port)
    title.show(f"sandbox {at.address}")
    ready = partial(print, f"Fictive providers: {at.url} (Ctrl+C stops them)", flush=True)
    run([(app, at)], Lifecycle(ready=partial(in_a_thread, ready)))


def cases_of(options: argparse.Namespace) -> "CaseFolder | None":
    """The cases of the folder that `--cases` names; None without it."""
    import sys
    from functools import partial

    from apientreprise_gateway.providers.products import PRODUCTS
    from apientreprise_gateway.sandbox.cases.folder import CaseFolder

    if options.cases is None:
        return None
    return CaseFolder(options.cases, PRODUCTS, tell=partial(print, file=sys.stderr, flush=True))
