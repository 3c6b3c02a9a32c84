"""The faults of fictive providers: each answers a call in place of the provider. Worlds say what triggers them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
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


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "slow": _slow,
        "drip": _drip,
        "reset": _reset,
        "cut": _cut,
        "garbage": _garbage,
        "truncated-json": _truncated_json,
        "empty": _empty,
        "maintenance": _maintenance,
        "redirect": _redirect,
        "refused-401": _refused_401,
        "forbidden-403": _forbidden_403,
        "busy-429": _busy_429,
        "error-500": _error_500,
        "unavailable-503": _unavailable_503,
        "timeout": _timeout,
    }
)
"""All of them, by name."""

DEFAULT_FAULT: Final = "error-500"
