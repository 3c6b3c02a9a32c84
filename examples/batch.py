"""Look up many SIRENs at the INSEE through the gateway, as fast as the token's limit allows and no faster.

Prints one JSON line per SIREN; `final` says whether asking again would change nothing. Exits with 0 if all of them are.
It needs httpx: python -m pip install httpx
API_URL=http://127.0.0.1:8080 API_TOKEN=... API_RECIPIENT=<SIRET> python batch.py 130025265 998000012
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

try:
    import httpx
except ModuleNotFoundError:
    sys.exit("httpx is not installed. Install it: python -m pip install httpx")

PATH = "/v4/insee/sirene/unites_legales/"
ATTEMPTS, PATIENCE = 4, 120.0  # calls per SIREN; longest wait in seconds between two, else it is left to another run
Line = dict[str, Any]
Sleep = Callable[[float], Awaitable[None]]


class StoppedError(Exception):
    """No further call makes sense."""


class Pacer:
    """Lets a call go once it is certain to be admitted, provided that nobody else uses the token meanwhile."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self.clock, self.sleep = clock, sleep
        self._sent = self._done = self._allowed = 0  # calls; `_allowed` is how many may be sent, from the first on
        self._resume = 0.0  # when one call may go although `_allowed` is used up
        self._turn, self._answered = asyncio.Lock(), asyncio.Event()

    async def start(self) -> int:
        """Wait until a call may go; return what `finish` wants to know."""
        async with self._turn:
            while self._sent >= self._allowed:
                self._answered.clear()
                if self._sent > self._done:
                    await self._answered.wait()  # an answer under way may tell of more room
                elif (pause := self._resume - self.clock()) > 0:
                    await self.sleep(pause)
                else:
                    self._allowed = self._sent + 1  # this one goes alone; its answer tells how many may follow
            self._sent += 1
            return self._done

    def finish(self, done_before: int, response: httpx.Response | None, *, counted: bool = True) -> None:
        """Learn from an answer; None if there was none, `counted` telling whether the gateway may have got the call."""
        self._done += 1
        self._answered.set()
        if response is None and counted:
            self._resume = max(self._resume, self.clock() + 60)
        elif response is not None and "RateLimit-Reset" in response.headers:
            # Answers come out of order. `remaining` allows for the calls answered before this one went, and for this
            # one; others sent so far may be missing from it, or not. These bounds hold either way.
            remaining = int(response.headers["RateLimit-Remaining"])
            self._allowed = min(max(self._allowed, remaining + done_before + 1), remaining + self._sent)
            # Reset is an instant of the gateway's clock, which Date shows: ours need not be right.
            now = parsedate_to_datetime(response.headers["Date"]).timestamp()
            self._resume = max(self._resume, self.clock() + int(response.headers["RateLimit-Reset"]) - now)


async def look_up(client: httpx.AsyncClient, pacer: Pacer, siren: str) -> Line:
    """The line of one SIREN: its data or its errors, after as many attempts as make sense."""
    for attempt in range(1, ATTEMPTS + 1):
        line, wait = await _call(client, pacer, siren)
        if line["final"]:
            return line
        wait = max(wait, 2.0**attempt)
        if attempt == ATTEMPTS or wait > PATIENCE:
            break
        await pacer.sleep(wait)
    if "status" not in line:
        raise StoppedError(f"{siren} : {line['errors'][0]['detail']} Passerelle injoignable, ou adresse IP bannie.")
    return line


async def _call(client: httpx.AsyncClient, pacer: Pacer, siren: str) -> tuple[Line, float]:
    """One call: its line, and the least wait in seconds before another attempt."""
    done_before, response, counted = await pacer.start(), None, True
    try:
        response = await client.get(PATH + quote(siren, safe=""))
    except httpx.TransportError as error:
        counted = not isinstance(error, httpx.ConnectError)
        return {"siren": siren, "final": False, "errors": [{"detail": f"Pas de réponse ({type(error).__name__})."}]}, 0
    finally:
        pacer.finish(done_before, response, counted=counted)
    status = response.status_code
    try:
        line: Line = {"siren": siren, "status": status, "final": True} | response.json()
        code = line["errors"][0]["code"] if "errors" in line else ""
        waits = [error["meta"].get("retry_in", 0) for error in line.get("errors", [])]
    except (ValueError, TypeError, KeyError):  # it comes from something between the gateway and us
        return {"siren": siren, "status": status, "final": False, "errors": [{"detail": "Réponse illisible."}]}, 0
    if status == 401 or code in ("00100", "00107"):
        raise StoppedError(f"{siren} : {code}, {line['errors'][0]['detail']}")
    passing = status == 502 and (code == "00501" or code.endswith(("000", "001", "004", "008")))
    line["final"] = not (passing or status in (409, 429, 500, 503, 504))
    return line, max([float(response.headers.get("Retry-After", 0)), *waits])


async def batch(
    client: httpx.AsyncClient, sirens: Iterable[str], report: Callable[[Line], None], pacer: Pacer, workers: int = 8
) -> bool:
    """Report the line of each SIREN once, as soon as it is known, and return whether all are final."""
    todo = iter(dict.fromkeys(sirens))  # the same call twice at a time would be refused (00015)

    async def work() -> bool:
        final = True
        for siren in todo:
            report(line := await look_up(client, pacer, siren))
            final = final and line["final"]
        return final

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work()) for _ in range(workers)]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return all(task.result() for task in tasks)


async def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Interroge l'INSEE sur une liste de SIREN.")
    parser.add_argument("siren", nargs="*", help="à défaut, ils sont lus sur l'entrée standard")
    for name, text in (("url", "adresse de la passerelle"), ("token", "jeton"), ("recipient", "SIRET du demandeur")):
        value = os.environ.get(f"API_{name.upper()}")
        parser.add_argument(f"--{name}", default=value, required=not value, help=f"{text} (API_{name.upper()})")
    options = parser.parse_args()
    query = {"context": "Traitement par lots", "object": "Mise à jour d'un fichier", "recipient": options.recipient}
    # 12 s are more than the gateway's own 10, so that its coded answer is never missed.
    async with httpx.AsyncClient(base_url=options.url, params=query, timeout=12) as client:
        client.headers["Authorization"] = f"Bearer {options.token}"
        sirens = options.siren or sys.stdin.read().split()
        try:
            final = await batch(client, sirens, lambda line: print(json.dumps(line), flush=True), Pacer())
        except StoppedError as stopped:
            sys.exit(f"Arrêt. {stopped}")
    sys.exit(0 if final else 1)


if __name__ == "__main__":
    asyncio.run(main())
