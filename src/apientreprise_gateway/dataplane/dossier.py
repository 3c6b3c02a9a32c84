"""The dossier: one call that stands for several, each checked, counted and logged as if it had come alone."""

import asyncio
import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, NamedTuple, NoReturn, Protocol

import orjson
from msgspec.structs import replace

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.checks import Checks, require_traceability
from apientreprise_gateway.dataplane.plan import Plan
from apientreprise_gateway.dataplane.recording import Recording
from apientreprise_gateway.dataplane.refusals import Answered
from apientreprise_gateway.providers.dossier import RESOURCES, Resource, choose
from apientreprise_gateway.upstream.reading import ProviderAnswer, refusal
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
_shown_lines: Final = re.compile(rb"^(%b): (.*)\r$" % b"|".join(_SHOWN), re.MULTILINE).findall
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
    members: bytes
    """What it shows of its body, as a JSON object."""
    lines: bytes
    """Its header lines, each with its CRLF."""


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
        parts = await self._gathered(call, resources, siret, token)
        verdicts = [part.call.verdict for part in parts if part.call.verdict is not None]
        call.verdict = min(verdicts, key=lambda verdict: verdict.remaining, default=None)
        return ProviderAnswer(200, render(siret, parts))

    async def _gathered(self, whole: Call, resources: Sequence[Resource], siret: str, token: Token) -> list[Part]:
        """All parts; errors of a timeout in place of those that are missing when the time is over."""
        late = asyncio.Event()
        begin = asyncio.get_running_loop().create_task
        tasks = [begin(self._answer_part(whole, each, siret, token, late)) for each in resources]
        try:
            # One timer for all of them.
            done, others = await asyncio.wait(tasks, timeout=self._seconds, return_when=asyncio.FIRST_EXCEPTION)
            if others and not any(task.exception() for task in done):
                late.set()
                for task in others:
                    task.cancel()
                await asyncio.wait(others)
            return [task.result() for task in tasks if task.done()]  # raises the exception of a part that failed
        except BaseException:
            late.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _answer_part(
        self, whole: Call, resource: Resource, siret: str, token: Token, late: asyncio.Event
    ) -> Part:
        """One part; a cancellation is the end of its time if `late` is set."""
        plan = self._plans[resource.endpoint.operation]
        values = resource.values(siret, whole.parameters)
        call = whole.part(plan, values)
        assert plan.source is not None  # noqa: S101 - parts are endpoints of providers, which have a source
        answer = self._way.ask(plan.source, call, plan, token, values)
        try:
            status, body, lines = await self._way.conclude(call, _shown(answer, call, plan))
        except asyncio.CancelledError:
            if not late.is_set():
                self._recording.abandoned(call)
                raise
            status, body, lines = await self._way.conclude(call, _too_late(plan))
        self._recording.answered(call, status, body)
        members = body if call.unmasked is not None else members_of(body)
        return Part(resource.name, call, status, members or b"{}", lines)


async def _shown(answer: Awaitable[ProviderAnswer], call: Call, plan: Plan) -> ProviderAnswer:
    """The answer to a part with what a dossier shows of its body; the whole body is kept in the call, for comparison.

    Raises:
        Refusal: it does not fit into a dossier; the error is one of its provider.
    """
    found = await answer
    members = members_of(found.body)
    if members is None:
        raise refusal(plan.route, "999")
    if call.unmasked is None:
        call.unmasked = found.body
    return replace(found, body=members)


async def _too_late(plan: Plan) -> NoReturn:
    raise refusal(plan.route, "002")


def render(siret: str, parts: list[Part]) -> bytes:
    """The body of a dossier, in the form of v3."""
    return orjson.dumps(
        {
            "data": {part.name: orjson.Fragment(_written(part)) for part in parts},
            "links": {},
            "meta": {
                "siret": siret,
                "ressources": len(parts),
                "ressources_obtenues": sum(part.status == 200 for part in parts),
            },
        }
    )


def members_of(body: bytes) -> bytes | None:
    """What a dossier shows of a body: a JSON object of some of its members; None if it does not fit into one.

    It may be nested too deep, as orjson reads four times as many levels as it writes; or too long.
    """
    if len(body) > MAX_PART_BYTES:
        return None
    try:
        content = orjson.loads(body)
        if not isinstance(content, dict):
            orjson.dumps(content)
            return b"{}"
        return orjson.dumps({name: content[name] for name in _OF_BODIES if name in content})
    except (TypeError, orjson.JSONDecodeError):
        return None


def _written(part: Part) -> bytes:
    """A part as JSON: its status, its headers, then what it shows of its body."""
    headers = {_SHOWN[name]: value.decode("latin-1") for name, value in _shown_lines(part.lines)}
    own = orjson.dumps({"status": part.status, "headers": headers})
    return own if part.members == b"{}" else b"%b,%b" % (own[:-1], part.members[1:])
