"""The command `sandbox datapass`: sends events of fictive requests to a portal, signed as those of DataPass."""

import argparse
from typing import TYPE_CHECKING, Final

from apientreprise_gateway.cli.outcome import FAILURE, refuse, tell

if TYPE_CHECKING:
    from apientreprise_gateway.sandbox.datapass.requests import FictiveRequest

_SECRETS: Final = "PORTAL_DATAPASS_SECRETS"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "datapass",
        help="tell a portal of fictive requests, as DataPass does",
        description=f"Sends events of a fictive request to a portal, signed with the first secret of {_SECRETS}.",
    )
    parser.add_argument("url", metavar="URL", help="address of the portal, such as http://127.0.0.1:8081")
    parser.add_argument("--product", choices=("entreprise", "particulier"), default="entreprise", help="of the request")
    parser.add_argument(
        "--form", type=int, choices=(1, 2), default=2, dest="version", help="form of the bodies (default: 2)"
    )
    parser.add_argument("--number", type=_number, default=9001, help="number of the request (default: 9001)")
    parser.add_argument("--story", metavar="NAME", help="events to send: approved (default), renewed, refused, ...")
    parser.add_argument("--event", action="append", metavar="NAME", help="send this event instead; may be repeated")
    parser.add_argument("--at", type=_number, metavar="SECONDS", help="Unix time of the last event (default: now)")
    parser.add_argument("--scope", action="append", metavar="SCOPE", help="scope that is asked for; may be repeated")
    parser.add_argument("--title", help="title of the request")
    parser.add_argument("--siret", help="SIRET of the body that asks")
    parser.add_argument("--applicant", metavar="EMAIL", help="mail address of the applicant")
    parser.add_argument("--copied-from", type=_number, metavar="NUMBER", help="request that it is a copy of (form 1)")
    parser.set_defaults(command=_datapass, serves=False)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 16 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no number: give a whole one above 0")
    return int(text)


def _datapass(options: argparse.Namespace) -> int:
    import os
    import time

    import httpx

    from apientreprise_gateway.sandbox.datapass.bodies import EVENTS
    from apientreprise_gateway.sandbox.datapass.sending import STORIES, Sender, events_of

    secret = os.environ.get(_SECRETS, "").split(",")[0].strip()
    if not secret:
        return refuse(f"{_SECRETS} is not set: give the portal's")
    story = options.story or "approved"
    if story not in STORIES:
        return refuse(f"{story} is no story: give one of {', '.join(STORIES)}")
    for event in options.event or ():
        if event not in EVENTS[options.version]:
            return refuse(
                f"{event} is no event of form {options.version}: give one of {', '.join(EVENTS[options.version])}"
            )
    events = options.event or events_of(story, options.version)
    sender = Sender(url=options.url, secret=secret, version=options.version)
    failed = False
    try:
        for sent in sender.tell(_request(options), events, last_at=options.at or int(time.time())):
            failed |= sent.status != 200
            print(
                f"{sent.event}: {sent.status}{'' if sent.token_id is None else f', token {sent.token_id}'}", flush=True
            )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        tell(f"{options.url}: {type(error).__name__}: {error}")
        return FAILURE
    return FAILURE if failed else 0


def _request(options: argparse.Namespace) -> "FictiveRequest":
    from dataclasses import replace

    from apientreprise_gateway.sandbox.datapass.requests import APPLICANT, FictiveRequest

    request = FictiveRequest(
        product=options.product,
        number=options.number,
        scopes=tuple(options.scope or ()),
        copied_from=options.copied_from,
    )
    given = {name: value for name in ("title", "siret") if (value := getattr(options, name)) is not None}
    if options.applicant is not None:
        given["applicant"] = replace(APPLICANT, email=options.applicant)
    return replace(request, **given)
