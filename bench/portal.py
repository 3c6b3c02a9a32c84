"""What the pages of the portal cost: CPU of the process and time of the database, at a million calls and at ten.

    bench/portal.py [--millions 1 10] [--times 20]

A PostgreSQL of this machine is started for it in a folder of its own (10 million calls take 6 GB). Its journal has
calls of 90 days by 2,000 tokens, a tenth of them by one, and as many habilitations, of which one person has a
hundred. Each page is asked for by ASGI within this process, once to warm up. `First view` is what a browser without a
cache loads.
"""

import argparse
import asyncio
import re
import statistics as numbers
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from sqlalchemy import Connection, Engine, event, insert, select, text

from apientreprise_gateway.accounts import delegations, repository, tokens
from apientreprise_gateway.accounts.model import Contact
from apientreprise_gateway.database.accounts import habilitations
from apientreprise_gateway.database.accounts import tokens as token_rows
from apientreprise_gateway.database.engine import connect, writing
from apientreprise_gateway.database.tables import calls
from apientreprise_gateway.journal.partitions import make_partitions
from apientreprise_gateway.observability import logs
from apientreprise_gateway.providers.products import PRODUCTS
from support import databases
from support.accounts import APPLICANT, add_habilitation
from support.portal import AUDITOR, OPERATOR, Site, make_site

MILLION: Final = 1_000_000
TOKENS: Final = 2_000
OWN: Final = 100
"""Habilitations of the person who looks at the pages."""
DAYS: Final = 90
EDITOR: Final = "support@val.example"

_CALLS: Final = """
INSERT INTO calls (event, time, request_id, product, operation, identifier, jti, client_ip, context, recipient, object,
                   status, codes, cached, stale, provider_seconds, seconds, line_key, batch)
SELECT 'access', CAST(:now AS timestamptz) - (:end - n) * CAST(:step AS interval), 'request-' || n,
       'api_entreprise', (CAST(:operations AS text[]))[1 + n % 3 + n % 5], lpad((n % 5003)::text, 9, '0'),
       (CAST(:tokens AS text[]))[CASE WHEN n % 10 = 0 THEN 1 ELSE 2 + (n * 7919) % 1999 END], '192.0.2.' || n % 250,
       'bench', '21750001600019', 'bench', CASE WHEN n % 50 = 0 THEN 502 WHEN n % 31 = 0 THEN 429 WHEN n % 17 = 0
       THEN 404 ELSE 200 END, CASE WHEN n % 31 = 0 THEN '["00429"]' END, n % 4 = 0, false, .1, n % 977 / 1000.0,
       decode(md5(n::text), 'hex'), 1
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
"""
_KIND: Final = "CASE WHEN status IN (401, 403, 429) THEN 'refused' ELSE status / 100 || 'xx' END"
_COUNTS: Final = (
    ("calls_by_minute", "minute", ("jti",), "time > CAST(:now AS timestamptz) - interval '2 days'"),
    ("calls_by_hour", "hour", ("jti", "cached"), "true"),
    ("calls_by_day", "day", ("jti", "operation"), "true"),
    ("calls_by_operation", "hour", ("operation",), "true"),
)


def fill(engine: Engine, now: datetime, millions: int) -> list[str]:
    """Make accounts and calls; the token that makes a tenth of the calls, and a usual one."""
    for days in range(0, DAYS + 28, 28):
        make_partitions(engine, today=(now - timedelta(days=DAYS - days)).date())
    with writing(engine) as connection:
        jtis = [_account(connection, now, number) for number in range(OWN)]
        jtis += _copies(connection, jtis[-1], TOKENS - OWN)
        maker = delegations.add_editor(connection, name="Logiciels du Val", now=now, by=None, form_uids=["val"])
        person = repository.upsert_user(connection, Contact(email=EDITOR), now)
        delegations.set_editor_of(connection, person.id, maker.id, now=now, by=None)
        operations = _operations()
    given = {
        "now": now, "end": millions * MILLION, "step": timedelta(days=DAYS) / (millions * MILLION),
        "operations": operations, "tokens": jtis,
    }  # fmt: skip
    with writing(engine) as connection:  # it is quicker to make indexes of all rows at once
        for index in calls.indexes:
            index.drop(connection)
    for first in range(1, millions * MILLION, MILLION):
        with writing(engine) as connection:
            connection.execute(text(_CALLS), {**given, "first": first, "last": first + MILLION - 1})
    for table, step, keys, where in _COUNTS:
        columns = ", ".join(keys)
        statement = (
            f"INSERT INTO {table} (at, {columns}, class, calls) "
            f"SELECT date_trunc('{step}', time, 'UTC') AS at, {columns}, {_KIND} AS class, count(*) FROM calls "
            f"WHERE {where} GROUP BY 1, {columns}, {_KIND}"
        )
        with writing(engine) as connection:
            connection.execute(text("SET LOCAL work_mem = '512MB'"))
            connection.execute(text(statement), {"now": now} if ":now" in where else {})
    with writing(engine) as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
        for index in calls.indexes:
            index.create(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return [jtis[0], jtis[2]]


def _account(connection: Connection, now: datetime, number: int) -> str:
    """A habilitation and its token; the first ones are those of one person."""
    made = add_habilitation(connection, now, external_id=f"{number}", title=f"Marchés publics {number}")
    return tokens.make(connection, made, now=now - timedelta(days=DAYS)).id


def _copies(connection: Connection, jti: str, count: int) -> list[str]:
    """So many habilitations like that of a token, of no person, with a token each."""
    token = connection.execute(select(token_rows).where(token_rows.c.id == jti)).mappings().one()
    own = habilitations.c.id == token["habilitation_id"]
    one = connection.execute(select(habilitations).where(own)).mappings().one()
    ids = [(str(uuid4()), str(uuid4())) for _ in range(count)]
    many = [{**one, "id": id_, "external_id": f"copy-{id_}"} for id_, _ in ids]
    connection.execute(insert(habilitations), many)
    connection.execute(insert(token_rows), [{**token, "id": new, "habilitation_id": id_} for id_, new in ids])
    return [new for _, new in ids]


def _operations() -> list[str]:
    return [each.operation for each in PRODUCTS[0].endpoints][:7]


@dataclass
class Database:
    """What statements have cost since it was emptied."""

    statements: int = 0
    seconds: float = 0.0
    _began: float = 0.0

    def watch(self, engine: Engine) -> None:
        """Count the statements of an engine."""
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)

    def _before(self, *_about: object) -> None:
        self._began = time.perf_counter()

    def _after(self, *_about: object) -> None:
        self.statements += 1
        self.seconds += time.perf_counter() - self._began

    def empty(self) -> None:
        """Begin anew."""
        self.statements, self.seconds = 0, 0.0


@dataclass
class Cost:
    """What a page cost, each time."""

    processor: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    statements: int = 0
    size: int = 0


async def _ask(site: Site, cookie: str, path: str) -> int:
    """Bytes of a page, asked for as a server does."""
    path, _, query = path.partition("?")
    sizes, status = [], 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        sizes.append(len(message.get("body", b"")))

    headers = [
        (b"host", b"portail.test"),
        (b"accept-encoding", b"gzip, br"),
        *([(b"cookie", cookie.encode())] if cookie else []),
    ]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": headers, "client": ("192.0.2.7", 4711), "server": ("portail.test", 443),
    }  # fmt: skip
    await site.portal(scope, receive, send)
    if status != 200:
        print(f"{path}: {status}", file=sys.stderr)
    return sum(sizes)


def measure(site: Site, database: Database, asked: Mapping[str, tuple[str, str]], times: int) -> dict[str, Cost]:
    """The cost of each page, which are asked for in turns."""
    found = {name: Cost() for name in asked}

    async def all_of_them() -> None:
        for number in range(times + 1):
            for name, (cookie, path) in asked.items():
                database.empty()
                began = time.process_time()
                size = await _ask(site, cookie, path)
                took = time.process_time() - began
                if number:
                    cost = found[name]
                    cost.processor.append(took * 1000)
                    cost.database.append(database.seconds * 1000)
                    cost.statements, cost.size = database.statements, size

    asyncio.run(all_of_them())
    return found


def pages(site: Site, busy: str, usual: str) -> dict[str, tuple[str, str]]:
    """Cookie and path of each page, by its name."""
    cookies = {}
    for email in (APPLICANT, OPERATOR, AUDITOR, EDITOR):
        browser = site.another()
        browser.log_in(email)
        cookies[email] = "; ".join(f"{each.name}={each.value}" for each in browser.client.cookies.jar)
    with site.services.reading() as connection:
        token = repository.token(connection, busy)
        user = repository.user_by_email(connection, APPLICANT)
    assert token is not None
    assert user is not None
    own, desk, audit = cookies[APPLICANT], cookies[OPERATOR], cookies[AUDITOR]
    stats = f"/compte/jetons/{busy}/stats"
    public = {
        path: ("", path)
        for path in ("/", "/catalogue", "/catalogue?q=attestation", "/cas-usages", "/guide", "/faq", "/statut",
                     "/support", "/chiffres", "/editeurs", "/demander-un-acces", "/compte/se-connecter")
    }  # fmt: skip
    return public | {
        "/catalogue/…": ("", f"/catalogue/{_operations()[0]}"),
        "/compte": (own, "/compte"),
        "/compte/demandes, 100 of them": (own, "/compte/demandes"),
        "/compte/demandes/…": (own, f"/compte/demandes/{token.habilitation_id}"),
        "/compte/demandes/…/securite": (own, f"/compte/demandes/{token.habilitation_id}/securite"),
        "/compte/nouvelle-demande": (own, "/compte/nouvelle-demande"),
        "/compte/jetons/…": (own, f"/compte/jetons/{busy}"),
        "/compte/jetons/…/partager": (own, f"/compte/jetons/{busy}/partager"),
        "…/stats, a tenth of all calls": (own, stats),
        "…/stats, 8 days": (own, f"{stats}?periode=8+days"),
        "…/stats, 90 days": (own, f"{stats}?periode=90+days"),
        "…/stats, a usual token": (own, f"/compte/jetons/{usual}/stats"),
        "/compte/transferer": (own, "/compte/transferer"),
        "/editeur/habilitations": (cookies[EDITOR], "/editeur/habilitations"),
        "/admin": (desk, "/admin"),
        "/admin/demandes": (desk, "/admin/demandes"),
        "/admin/demandes/…": (desk, f"/admin/demandes/{token.habilitation_id}"),
        "/admin/habilitations": (desk, "/admin/habilitations"),
        "/admin/jetons/…": (desk, f"/admin/jetons/{busy}"),
        "/admin/personnes/…": (desk, f"/admin/personnes/{user.id}"),
        "/admin/blocages": (desk, "/admin/blocages"),
        "/admin/courriels": (desk, "/admin/courriels"),
        "/admin/activite": (desk, "/admin/activite"),
        "/admin/journal": (audit, "/admin/journal"),
        "/admin/statut": (desk, "/admin/statut"),
    }


def first_view(site: Site) -> tuple[int, int]:
    """Bytes that a browser loads for the first page, as they are sent, and how many answers that is."""
    paths = ["/", *re.findall(r'<(?:link|script)[^>]* (?:href|src)="(/statique/[^"]+)"', site.text("/"))]
    return sum(asyncio.run(_ask(site, "", path)) for path in paths), len(paths)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    logs.configure(level="WARNING")
    columns, size, answers = [], 0, 0
    with databases.postgresql(in_memory=False) as server:
        for millions in options.millions:
            engine, database, began = connect(databases.new_postgresql(server)), Database(), time.perf_counter()
            busy, usual = fill(engine, datetime.now(UTC), millions)
            print(f"{millions} million calls in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
            site = make_site(engine)
            site.clock.time = datetime.now(UTC)
            asked = pages(site, busy, usual)
            database.watch(engine)
            columns.append(measure(site, database, asked, options.times))
            print_table(columns, options.millions[: len(columns)])
            size, answers = first_view(site)
            engine.dispose()
    print(f"\nFirst view: {size / 1000:.0f} kB in {answers} answers, with the neutral theme.")


def print_table(columns: list[dict[str, Cost]], millions: list[int]) -> None:
    """A line for each page, with medians."""
    heads = "".join(f" CPU ms, {each} M | database ms, {each} M |" for each in millions)
    print(f"| page | statements | kB |{heads}\n|---|---|---|{'---|---|' * len(columns)}")
    for name, last in columns[-1].items():
        costs = [each[name] for each in columns]
        cells = "".join(f" {numbers.median(c.processor):.1f} | {numbers.median(c.database):.1f} |" for c in costs)
        print(f"| `{name}` | {last.statements} | {last.size / 1000:.0f} |{cells}", flush=True)


if __name__ == "__main__":
    main()
