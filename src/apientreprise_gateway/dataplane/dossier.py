"""The dossier: one call that stands for several, each checked, counted and logged as if it had come alone."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import orjson

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.contract.errors import Refusal, provider_error
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.checks import Checks, require_traceability
from apientreprise_gateway.dataplane.plan import Plan
from apientreprise_gateway.dataplane.recording import Recording
from apientreprise_gateway.dataplane.refusals import Answered
from apientreprise_gateway.net.asgi import Header
from apientreprise_gateway.net.header_lines import headers_of
from apientreprise_gateway.providers.dossier import RESOURCES, Resource, choose
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.source import Source

_SHOWN: Final = {
    name.lower().encode(): name
    for name in (
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "Retry-After",
        "X-Response-Cached",
        "X-Cache-Expires-in",
        "X-Cache-Stale",
    )
}
"""The headers of a part that are shown with it; the others are the same for the whole answer."""
_GATHERING_SECONDS: Final = 0.5
"""Seconds that a dossier has beyond the provider calls, so that a part may still be answered from the cache."""
MAX_PART_BYTES: Final = 1024 * 1024
"""Bytes of the longest body of a part."""

_OF_BODIES: Final = ("data", "links", "meta", "errors")
"""The members of a body that a part shows; others could overwrite the members that we add."""


class Part(NamedTuple):
    """One part of a dossier with its answer."""

    name: str
    call: Call
    status: int
    body: bytes
    headers: list[Header]


class Way(Protocol):
    """How a part is asked for: like any call, from the fourth check on; see `Pipeline`."""

    async def enforce_limit(self, call: Call, plan: Plan, token: Token) -> TokenRecord | None: ...

    async def ask(self, source: Source, call: Call, plan: Plan, token: Token, values: list[str]) -> ProviderAnswer: ...

    async def conclude(self, call: Call, answer: Awaitable[ProviderAnswer]) -> Answered: ...


class Dossier:
    """Answers calls for a dossier with the answers to its parts."""

    def __init__(
        self,
        *,
        resources: Mapping[str, Resource],
        plans: Mapping[str, Plan],
        checks: Checks,
        way: Way,
        recording: Recording,
        seconds: float,
    ) -> None:
        """Configure it.

        Args:
            resources: what may be a part, by name.
            plans: the plans of the endpoints, by operation.
            checks: checks the parameters of the dossier itself.
            way: asks for a part.
            recording: records the parts.
            seconds: seconds that the provider calls may take; then the missing parts become errors.
        """
        self._resources = resources
        self._plans = plans
        self._checks = checks
        self._way = way
        self._recording = recording
        self._seconds = seconds + _GATHERING_SECONDS

    async def answer(self, call: Call, plan: Plan, token: Token, values: list[str]) -> ProviderAnswer:
        """Ask for all parts at once, and put the answers together; headers show the window with the fewest calls left.

        Raises:
            Refusal: the dossier is refused as a whole.
            ConnectionDropped: with one of the parts its address made too many calls.
        """
        (siret,) = values
        try:
            require_traceability(call.parameters, required=plan.required, siret_recipient=plan.siret_recipient)
            self._checks.parameters(call, plan, [siret])
            resources = choose(self._resources, call.parameters.get(RESOURCES))
        except Refusal:
            await self._way.enforce_limit(call, plan, token)  # a dossier refused as a whole counts as one call
            raise
        call.asked = True
        deadline = asyncio.get_running_loop().time() + self._seconds
        tasks = [asyncio.create_task(self._answer_part(call, each, siret, token, deadline)) for each in resources]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            parts = [task.result() for task in tasks if task.done()]  # raises the exception of a part that failed
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        verdicts = [part.call.verdict for part in parts if part.call.verdict is not None]
        call.verdict = min(verdicts, key=lambda verdict: verdict.remaining, default=None)
        return ProviderAnswer(200, render(siret, parts))

    async def _answer_part(self, whole: Call, resource: Resource, siret: str, token: Token, deadline: float) -> "Part":
        plan = self._plans[resource.endpoint.operation]
        values = resource.values(siret, whole.parameters)
        call = whole.part(plan, values)
        assert plan.source is not None  # noqa: S101 - parts are endpoints of providers, which have a source
        answer = self._way.ask(plan.source, call, plan, token, values)
        try:
            status, body, lines = await self._way.conclude(call, _in_time(answer, plan, deadline))
        except asyncio.CancelledError:
            self._recording.abandoned(call)
            raise
        self._recording.answered(call, status, body)
        return Part(resource.name, call, status, body, headers_of(lines))


async def _in_time(answer: Awaitable[ProviderAnswer], plan: Plan, deadline: float) -> ProviderAnswer:
    """The answer to a part, if it comes before the deadline (seconds of the loop's clock) and fits into a dossier.

    Raises:
        Refusal: it does not; the error is one of its provider.
    """
    provider = plan.route.provider
    try:
        async with asyncio.timeout_at(deadline):
            found = await answer
    except TimeoutError:
        raise provider_error("002", prefix=provider.prefix, name=provider.name) from None
    if not fits(found.body):
        raise provider_error("999", prefix=provider.prefix, name=provider.name)
    return found


def render(siret: str, parts: list[Part]) -> bytes:
    """The body of a dossier, in the form of v3."""
    return orjson.dumps(
        {
            "data": {part.name: _part(part) for part in parts},
            "links": {},
            "meta": {
                "siret": siret,
                "ressources": len(parts),
                "ressources_obtenues": sum(part.status == 200 for part in parts),
            },
        }
    )


def fits(body: bytes) -> bool:
    """Whether a body can be written into a dossier.

    It may be nested too deep, as orjson reads four times as many levels as it writes; or too long, as all parts are
    parsed again at the end, in one go.
    """
    if len(body) > MAX_PART_BYTES:
        return False
    try:
        orjson.dumps(orjson.loads(body))
    except TypeError:
        return False
    return True


def _part(part: Part) -> dict[str, Any]:
    """A part as JSON: its status, its headers, then data, links and meta, or errors, of its body."""
    headers = {_SHOWN[name]: value.decode("latin-1") for name, value in part.headers if name in _SHOWN}
    body = orjson.loads(part.body)
    return {"status": part.status, "headers": headers, **{name: body[name] for name in _OF_BODIES if name in body}}
