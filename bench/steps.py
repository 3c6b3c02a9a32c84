"""Time of each step of a call by itself: `make bench`.

    .venv/bin/python bench/steps.py [--fast] [--affinity 0] [-o steps.json]

Each step is the function that the pipeline calls, on an ordinary call, measured by pyperf (whose options it takes) in
several processes. Compare lines of one run only: figures of different machines or hours say little.
"""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from apientreprise_gateway.auth.keys import KeyRing, secret_keys
from apientreprise_gateway.auth.token import TokenVerifier
from apientreprise_gateway.contract import identifiers, query
from apientreprise_gateway.contract.endpoint import Provider
from apientreprise_gateway.contract.masks import MaskRules, Masks
from apientreprise_gateway.contract.routes import Routes
from apientreprise_gateway.dataplane.admission import new_request_id
from apientreprise_gateway.dataplane.call import Call, head_lines
from apientreprise_gateway.dataplane.checks import require_traceability
from apientreprise_gateway.dataplane.recording import access_line
from apientreprise_gateway.observability.access_log import encode
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.ratelimit.memory import MemoryLimiter
from apientreprise_gateway.upstream.breaker import Breaker, BreakerPolicy
from support.tokens import ALL_SCOPES, SECRET, token

_PERSON = {
    "nom_naissance": "DURAND",
    "nom_usage": "",
    "prenoms": "LEA ZOE",
    "date_naissance": "1990-01-01",
    "sexe": "F",
}
_HOUSEHOLD = {
    "data": {
        "quotient_familial": {"fournisseur": "CNAF", "valeur": 699, "annee": 2024, "mois": 3},
        "allocataires": [_PERSON] * 2,
        "enfants": [_PERSON] * 8,
        "adresse": {"destinataire": "Madame LEA DURAND", "numero_libelle_voie": "1 RUE DES LILAS", "pays": "FRANCE"},
    },
    "links": {},
    "meta": {},
}
_SCOPES = frozenset({"cnaf_quotient_familial", "cnaf_allocataires", "cnaf_enfants"})


def _mask() -> Masks:
    """The masks of the family quotient, of which `_SCOPES` leave out the address."""
    endpoint = next(each for each in PARTICULIER.endpoints if each.path == "/v3/dss/quotient_familial/identite")
    return Masks(endpoint.mask or MaskRules(), PARTICULIER.schemas.of(endpoint.operation))


def _with_twelve(providers: tuple[Provider, ...]) -> Provider:
    """A provider with twelve endpoints."""
    largest = max(providers, key=lambda provider: len(provider.endpoints))
    return replace(largest, endpoints=largest.endpoints[:12])


def steps() -> dict[str, Callable[[], object]]:
    """The steps by name."""
    routes, few, metrics, text = Routes(PROVIDERS), Routes([_with_twelve(PROVIDERS)]), Metrics(), token()
    verifier = TokenVerifier(KeyRing(secret_keys([SECRET])))
    path = b"/v4/insee/sirene/unites_legales/130025265"
    string = b"context=aides+publiques&recipient=13002526500013&object=dossier-42"
    wanted = frozenset({"context", "object", "recipient", "user_id", "token"})
    parameters = query.read(string, wanted)
    limiter = MemoryLimiter(ip_limit=10**9, ignored_429_limit=10**9)
    body = orjson.dumps({"data": {"scopes": ALL_SCOPES * 4}, "links": {}, "meta": {}})
    masks, masked = _mask(), orjson.dumps(_HOUSEHOLD)
    call = Call({})
    breaker = Breaker(BreakerPolicy())

    def admit() -> None:
        coroutine = limiter.admit("192.0.2.1", ("jti", "json"), 10**9)
        with contextlib.suppress(StopIteration):
            coroutine.send(None)

    # More of them than are remembered.
    numbers = cycle([str(100_000_000 + number) for number in range(10_000)])
    return {
        f"path lookup among {len(list(few))} endpoints": lambda: few.find(path),
        f"path lookup among {len(list(routes))} endpoints": lambda: routes.find(path),
        "query": lambda: query.read(string, wanted),
        "token, remembered": lambda: verifier.verify(text),
        "token, verified": lambda: TokenVerifier(verifier._keys).verify(text),
        "limiter, in memory": admit,
        "traceability": lambda: require_traceability(
            parameters, required=("context", "object", "recipient"), siret_recipient=True
        ),
        "SIREN": lambda: identifiers.is_siren(next(numbers)),
        f"parsing of an answer of {len(body)} bytes": lambda: orjson.loads(body),
        f"mask of an answer of {len(masked)} bytes": lambda: masks.apply(masked, _SCOPES),
        f"parsing and writing of {len(masked)} bytes": lambda: orjson.dumps(orjson.loads(masked)),
        "circuit breaker, closed": lambda: breaker.succeeded(breaker.admit() or 0),
        "access line": lambda: encode(access_line(call, "api_entreprise", "access", 200, 0.1)),
        "request id": new_request_id,
        "header lines": lambda: head_lines(call),
        "one counter": lambda: metrics.answers("operation", 200).inc(),
        "one histogram": lambda: metrics.seconds("operation").observe(0.1),
    }


def main() -> None:
    import pyperf  # noqa: PLC0415 - the steps can be tried without it

    runner = pyperf.Runner(processes=3, values=3)
    for name, step in steps().items():
        runner.bench_func(name, step)


if __name__ == "__main__":
    main()
