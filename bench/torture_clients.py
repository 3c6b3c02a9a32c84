"""Clients of the tortured gateways: honest and greedy, hostile and banned, revoked and leaving, slow and heavy."""

import random
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

import testbed  # noqa: F401 - finds `support`

from support.tokens import token
from support.wire import Answer, Wire, request, wire

CEILING = 600
"""Calls per minute and address; one more bans it."""
SIREN, SIRET = "130025265", "13002526500013"
HEALTHY = (f"/v4/insee/sirene/unites_legales/{SIREN}", f"/v4/urssaf/unites_legales/{SIREN}/attestation_vigilance")
SICK = (
    f"/v3/ademe/etablissements/{SIRET}/certification_rge",
    f"/v3/probtp/etablissements/{SIRET}/conformite_cotisations_retraite",
)
HANGING = f"/v3/qualifelec/etablissements/{SIRET}/certificats"
HEAVY = f"/v3/fntp/unites_legales/{SIREN}/carte_professionnelle_travaux_publics"
"""Path of a document whose JSON is long, as each character is an escape."""
LARGE = f"/v3/cnetp/unites_legales/{SIREN}/attestation_cotisations_conges_payes_chomage_intemperies"
"""Path of a document that is larger than any socket's buffer."""
EXPIRY = int(time.time()) + 90 * 86_400
HOGS = 260
"""Connections that ask for one document and read nothing of it."""


class Seen(NamedTuple):
    """An answer as its client saw it."""

    request_id: str
    sent: float
    received: float
    status: int
    code: str


@dataclass
class Report:
    """What clients saw; shared by all of their threads."""

    answers: list[Seen] = field(default_factory=list)
    greedy: dict[int, list[Seen]] = field(default_factory=dict)
    broken: list[float] = field(default_factory=list)
    """Unix times at which connections ended in the middle of a call."""
    hostile: Counter[str] = field(default_factory=Counter)
    hostile_ids: list[str] = field(default_factory=list)
    """Request ids of hostile calls that were answered."""
    kills: list[float] = field(default_factory=list)
    rolls: list[tuple[float, float]] = field(default_factory=list)
    """Spans of Unix time in which a gateway was stopping."""
    away: list[tuple[float, float]] = field(default_factory=list)
    """Spans of Unix time in which not every process was known to have Redis."""
    banned: list[str] = field(default_factory=list)
    freed: list[float] = field(default_factory=list)
    """Unix times at which a banned address got an answer."""
    turned_away: int = 0
    revoked: Counter[str] = field(default_factory=Counter)
    """Numbers of calls with revoked tokens, by outcome."""
    returned: Counter[str] = field(default_factory=Counter)
    """Numbers of calls made again after they had been abandoned, by outcome."""
    downloads: Counter[str] = field(default_factory=Counter)
    """Numbers of documents fetched while others hold one document unread, by outcome."""
    heavy: list[Seen] = field(default_factory=list)
    """Answers to calls for documents that cost much to read."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def is_away(self, since: float, until: float) -> bool:
        """Whether Redis was away at any time between two Unix times."""
        return any(start <= until and since <= end for start, end in self.away)


def identified(path: str, bearer: str, **headers: str) -> tuple[str, bytes]:
    """The request id of a new call, and the bytes of its request."""
    request_id = str(uuid.uuid4())
    return request_id, request(token=bearer, path=path, headers={"X-Request-Id": request_id, **headers})


def seen(request_id: str, sent: float, given: Answer) -> Seen:
    """The record of an answer."""
    code = given.codes[0] if given.status >= 500 else ""
    return Seen(request_id, sent, time.time(), given.status, code)


def be_honest(report: Report, ports: list[int], tokens: list[str], place: int) -> None:
    """Call as most callers do: often, with many tokens, from many addresses, on connections kept for a while."""
    dice = random.Random(place)
    while not report.stopped.is_set():
        source = f"127.20.{place}.{dice.randrange(1, 250)}"
        try:
            with wire(dice.choice(ports), source=source) as line:
                for _ in range(20):
                    path = dice.choice(SICK if dice.random() < 0.15 else HEALTHY)
                    request_id, data = identified(path, dice.choice(tokens))
                    sent = time.time()
                    line.send(data)
                    given = line.answer()
                    report.answers.append(seen(request_id, sent, given))
                    if given.headers.get("connection") == "close" or report.stopped.wait(0.01):
                        break
        except ConnectionRefusedError:
            report.stopped.wait(0.02)
        except (OSError, IndexError):
            report.broken.append(time.time())


def be_greedy(report: Report, ports: list[int], place: int) -> None:
    """Call with one token on both gateways, whatever is answered."""
    bearer = token(jti=str(uuid.UUID(int=2**90 + place)), exp=EXPIRY)
    mine = report.greedy.setdefault(place, [])
    turn = 0
    while not report.stopped.wait(0.1):
        turn += 1
        with suppress(OSError, IndexError), wire(ports[turn % len(ports)], source=f"127.30.0.{place + 1}") as line:
            request_id, data = identified(HEALTHY[0], bearer)
            sent = time.time()
            line.send(data)
            mine.append(seen(request_id, sent, line.answer()))
            report.answers.append(mine[-1])


def be_hostile(report: Report, ports: list[int], place: int) -> None:
    """Send malformed requests and other things that no client should."""
    dice = random.Random(place)
    good = token(exp=EXPIRY)
    kinds: dict[str, Callable[[], bytes]] = {
        "garbage": lambda: dice.randbytes(dice.randrange(1, 2000)),
        "huge head": lambda: request(token=good, headers={"X": "a" * 200_000}),
        "endless head": lambda: b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
        "two requests smuggled": lambda: request(token=good, headers={"Content-Length": "5", "Transfer-Encoding": "x"}),
        "control characters": lambda: request(token=good, path="/v4/%0d%0a%00%1b[2J"),
    }
    while not report.stopped.wait(0.05):
        source = f"127.40.{place}.{dice.randrange(1, 250)}"
        with suppress(OSError, IndexError), wire(dice.choice(ports), source=source) as line:
            kind = dice.choice([*kinds, "bad token", "leaves", "slow"])
            report.hostile[kind] += 1
            if kind == "bad token":
                forged = dice.choice([token(secret="x" * 40), good[:-3] + "abc", "a.b.c", token(exp=1), "é" * 50])
                request_id, data = identified(HEALTHY[0], forged)
                line.send(data)
                line.answer()
                report.hostile_ids.append(request_id)
            elif kind == "leaves":
                line.send(identified(dice.choice(HEALTHY + SICK), good)[1])
            elif kind == "slow":
                for byte in request(token=good)[:12]:
                    line.send(bytes([byte]))
                    report.stopped.wait(0.1)
            else:
                line.send(kinds[kind]())
                line.some()


def stay_banned(report: Report, ports: list[int]) -> None:
    """Call from banned addresses; none may be answered."""
    bearer = token(exp=EXPIRY)
    while not report.stopped.wait(0.1):
        for address in list(report.banned):
            for port in ports:
                with suppress(OSError), wire(port, source=address) as line:
                    line.send(request(token=bearer))
                    if line.some():
                        report.freed.append(time.time())
                    else:
                        report.turned_away += 1


def be_banned(report: Report, port: int, address: str, tokens: list[str]) -> None:
    """Call from one address until it is banned."""
    with suppress(OSError, IndexError), wire(port, source=address) as line:
        for place in range(CEILING + 50):
            line.send(request(token=tokens[place % len(tokens)], path="/v4/nowhere"))
            line.answer()
    with wire(port, source=address) as line:
        line.send(request(token=tokens[0]))
        if line.some():
            raise RuntimeError(f"{address} is not banned")
    report.banned.append(address)


def outcome(given: Answer) -> str:
    """The status of an answer, with the code of its error if it has one."""
    return str(given.status) if given.status < 400 else f"{given.status} {given.codes[0]}"


def stay_revoked(report: Report, ports: list[int], tokens: list[str]) -> None:
    """Call with tokens that were revoked; none may be answered with data."""
    dice = random.Random(1)
    while not report.stopped.wait(0.05):
        source = f"127.60.{dice.randrange(250)}.{dice.randrange(1, 250)}"
        with suppress(OSError, IndexError), wire(dice.choice(ports), source=source) as line:
            line.send(request(token=dice.choice(tokens), path=HEALTHY[0]))
            report.revoked[outcome(line.answer())] += 1


def leave_and_return(report: Report, ports: list[int]) -> None:
    """Abandon calls that wait for a provider, and make them again: they must not count as duplicates."""
    turn = 0
    while not report.stopped.wait(0.1):
        turn += 1
        source = f"127.61.{turn % 200}.1"
        bearer = token(jti=str(uuid.UUID(int=2**80 + turn % 20)), exp=EXPIRY)
        data = request(token=bearer, path=HANGING, query={"context": "c", "object": f"{turn}", "recipient": SIRET})
        with suppress(OSError, IndexError):
            for again in (False, True):
                with wire(ports[0], source=source) as line:
                    line.send(data)
                    report.stopped.wait(0.3)
                    if again and line.is_readable():
                        report.returned[outcome(line.answer())] += 1
                    elif again:
                        report.returned["under way"] += 1


def be_heavy(report: Report, ports: list[int]) -> None:
    """Ask for a document that costs much to read."""
    bearer = token(jti=str(uuid.UUID(int=2**81)), exp=EXPIRY)
    turn = 0
    while not report.stopped.wait(1.3):
        turn += 1
        with suppress(OSError, IndexError), wire(ports[turn % 2], source=f"127.62.0.{turn % 200 + 1}") as line:
            request_id, data = identified(HEAVY, bearer)
            sent = time.time()
            line.send(data)
            report.heavy.append(seen(request_id, sent, line.answer()))


def link_to(port: int, path: str, bearer: str, source: str) -> str | None:
    """Ask for a document; return the path of its link, None if there is none."""
    with wire(port, source=source) as line:
        line.send(request(token=bearer, path=path))
        given = line.answer()
    return urlsplit(given.json["data"]["document_url"]).path if given.status == 200 else None


def hog(report: Report, port: int) -> None:
    """Ask for one document on many connections, and read nothing of it."""
    bearer = token(jti=str(uuid.UUID(int=2**82)), exp=EXPIRY)
    held: list[socket.socket] = []
    while not report.stopped.wait(0.2):
        with suppress(OSError, IndexError):
            link = link_to(port, LARGE, bearer, "127.63.0.9")
            if link is None:
                continue
            with ExitStack() as stack:
                for place in range(HOGS):
                    each = stack.enter_context(socket.socket())
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    each.settimeout(5)
                    each.bind((f"127.63.1.{place % 4 + 1}", 0))
                    each.connect(("127.0.0.1", port))
                    each.sendall(request(path=link, query={}))
                    held.append(each)
                report.stopped.wait(3)


def download(report: Report, ports: list[int]) -> None:
    """Fetch documents as honest callers do, each whole."""
    turn = 0
    while not report.stopped.wait(0.2):
        turn += 1
        source, port = f"127.64.{turn % 200}.2", ports[turn % len(ports)]
        bearer = token(jti=str(uuid.UUID(int=2**83 + turn % 50)), exp=EXPIRY)
        with suppress(OSError, IndexError):
            link = link_to(port, HEALTHY[1], bearer, source)
            if link is not None:
                with wire(port, source=source) as line:
                    report.downloads[fetched(line, link)] += 1


def fetched(line: Wire, link: str) -> str:
    """Fetch a document by its link; return the outcome."""
    line.send(request(path=link, query={}))
    given = line.answer()
    return (
        "whole" if given.status == 200 and len(given.body) == int(given.headers["content-length"]) else outcome(given)
    )
