"""The faults of fictive providers.

Each fault has identifiers of its own, which trigger it on every endpoint. They are easy to remember: the SIREN is
99900, three digits (the HTTP status if there is one) and the check digit; the SIRET is that of its first establishment;
the RNA is W999000 with the same three digits.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import orjson

from apientreprise_gateway.contract.error_forms import object_bodies
from apientreprise_gateway.contract.errors import provider_error
from apientreprise_gateway.sandbox.exchange import Exchange, Reply

SLOW_SECONDS: Final = 3.0
TIMEOUT_SECONDS: Final = 60.0
DRIP_SECONDS: Final = 0.5
MAINTENANCE_RETRY_IN: Final = 600
_ELSEWHERE: Final = "https://ailleurs.exemple.test/"
_PAGE: Final = "<!doctype html><title>Portail</title><h1>Bienvenue sur le portail des téléservices</h1>".encode()

Fault = Callable[[Exchange, Reply], Awaitable[None]]
"""Answers a call in place of the reply that a provider in good health would give."""


def message(text: str) -> bytes:
    """The body of an error in the providers' own form, which is not the gateway's."""
    return orjson.dumps({"message": text})


async def _slow(exchange: Exchange, reply: Reply) -> None:
    if await exchange.pause(SLOW_SECONDS):
        await exchange.respond(reply.status, reply.body, headers=reply.headers)


async def _timeout(exchange: Exchange, _reply: Reply) -> None:
    # Longer than any caller should wait; one that waits all the same gets 504 in the end.
    if await exchange.pause(TIMEOUT_SECONDS):
        await exchange.respond(504, message("Délai dépassé"))


async def _drip(exchange: Exchange, reply: Reply) -> None:
    await exchange.start(reply.status, len(reply.body), headers=reply.headers)
    for position in range(len(reply.body)):
        if not await exchange.pause(DRIP_SECONDS):
            return
        await exchange.write(reply.body[position : position + 1], more=True)
    await exchange.write(b"")


async def _error_500(exchange: Exchange, _reply: Reply) -> None:
    await exchange.respond(500, message("Erreur interne du service"))


async def _unavailable_503(exchange: Exchange, _reply: Reply) -> None:
    await exchange.respond(503, message("Service momentanément indisponible"))


async def _garbage(exchange: Exchange, _reply: Reply) -> None:
    await exchange.respond(200, _PAGE, content_type="text/html; charset=utf-8")


async def _truncated_json(exchange: Exchange, reply: Reply) -> None:
    await exchange.respond(200, reply.body[: len(reply.body) // 2])


async def _empty(exchange: Exchange, _reply: Reply) -> None:
    await exchange.respond(200, b"")


async def _reset(exchange: Exchange, _reply: Reply) -> None:
    exchange.drop()


async def _cut(exchange: Exchange, reply: Reply) -> None:
    await exchange.start(reply.status, len(reply.body), headers=reply.headers)
    await exchange.write(reply.body[: len(reply.body) // 2], more=True)
    exchange.drop()


async def _redirect(exchange: Exchange, _reply: Reply) -> None:
    await exchange.respond(302, message("Service déplacé"), headers={"location": _ELSEWHERE})


async def _refused_401(exchange: Exchange, _reply: Reply) -> None:
    await exchange.respond(
        401, message("Identifiants de l'appelant refusés"), headers={"www-authenticate": 'Bearer realm="fournisseur"'}
    )


async def _busy_429(exchange: Exchange, _reply: Reply) -> None:
    await exchange.respond(429, message("Quota d'appels atteint"), headers={"retry-after": "30"})


async def _forbidden_403(exchange: Exchange, _reply: Reply) -> None:
    await exchange.respond(403, message("Accès interdit"))


async def _maintenance(exchange: Exchange, _reply: Reply) -> None:
    # A provider behind a gateway like this one answers in its error form, whatever version is asked for.
    provider = exchange.provider
    refusal = provider_error("020", prefix=provider.prefix, name=provider.name)
    errors = tuple(
        replace(error, meta={"provider": provider.name, "retry_in": MAINTENANCE_RETRY_IN}) for error in refusal.errors
    )
    await exchange.respond(refusal.status, object_bodies(errors))


@dataclass(frozen=True, slots=True)
class Special:
    """A fault, with the identifiers that trigger it."""

    fault: str
    run: Fault
    siren: str
    siret: str
    rna: str
    description: str
    """One line of French for users of the sandbox."""


SPECIALS: Final = (
    Special("slow", _slow, "999000011", "99900001100018", "W999000001", "répond au bout de 3 secondes"),
    Special("drip", _drip, "999000029", "99900002900010", "W999000002", "répond un octet toutes les 0,5 seconde"),
    Special("reset", _reset, "999000037", "99900003700013", "W999000003", "ferme la connexion sans un octet"),
    Special("cut", _cut, "999000045", "99900004500016", "W999000004", "ferme la connexion au milieu du corps"),
    Special("garbage", _garbage, "999000052", "99900005200012", "W999000005", "200 avec une page HTML"),
    Special("truncated-json", _truncated_json, "999000060", "99900006000015", "W999000006", "200 avec un JSON tronqué"),
    Special("empty", _empty, "999000078", "99900007800017", "W999000007", "200 sans corps"),
    Special("maintenance", _maintenance, "999000201", "99900020100015", "W999000020", "503 : maintenance de 600 s"),
    Special("redirect", _redirect, "999003023", "99900302300010", "W999000302", "302 vers un autre hôte"),
    Special("refused-401", _refused_401, "999004013", "99900401300010", "W999000401", "401 : passerelle refusée"),
    Special("forbidden-403", _forbidden_403, "999004039", "99900403900015", "W999000403", "403 : accès interdit"),
    Special("busy-429", _busy_429, "999004294", "99900429400016", "W999000429", "429 : quota atteint"),
    Special("error-500", _error_500, "999005002", "99900500200012", "W999000500", "500 : erreur interne"),
    Special("unavailable-503", _unavailable_503, "999005036", "99900503600010", "W999000503", "503 : indisponible"),
    Special("timeout", _timeout, "999005044", "99900504400014", "W999000504", "ne répond pas (60 secondes)"),
)
"""All faults, with their identifiers."""

FAULTS: Final[Mapping[str, Fault]] = MappingProxyType({special.fault: special.run for special in SPECIALS})
"""The functions that run faults, by name."""

DEFAULT_FAULT: Final = "error-500"
