"""Probes: calls that the gateway makes itself, for the example of an endpoint, to see whether the source works."""

import asyncio
import time
import uuid
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

from apientreprise_gateway.contract.errors import Refusal, provider_error
from apientreprise_gateway.contract.identification import Identification
from apientreprise_gateway.contract.lifetime import today
from apientreprise_gateway.contract.person.families import RULES
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.observability.provider_calls import OK
from apientreprise_gateway.upstream.source import ProviderRequest, Source, Stopwatch
from apientreprise_gateway.upstream.upstream import NotAskedError

PROBE_SECONDS: Final = 5.0
"""Seconds that a probe may take."""
AGENT: Final = "ping"
"""The `user_id` that is sent where a provider wants one."""
_faults = FaultLog()


class Finding(NamedTuple):
    """The result of a probe."""

    outcome: str
    """See `ProviderCalls`."""
    status: int
    """HTTP status, of the answer or of the refusal."""
    seconds: float
    """Duration of the probe."""
    code: str = ""
    """Code of the error; empty without one."""
    detail: str = ""
    """The error, in French."""
    cause: str = ""
    """Cause of the error, as the connection words it."""


async def probe(route: Route, source: Source, *, seconds: float = PROBE_SECONDS) -> Finding:
    """Ask for the example of an endpoint; errors are part of the result, none is raised.

    Args:
        route: the endpoint.
        source: the source that asks its provider.
        seconds: seconds until the probe is given up.
    """
    started = time.perf_counter()
    try:
        async with asyncio.timeout(seconds):
            reading = await source(example_of(route), Stopwatch())
    except TimeoutError:
        late = provider_error("002", prefix=route.provider.prefix, name=route.provider.name)
        return _failed(late, started, cause=f"no answer within {seconds:g} s")
    except NotAskedError as refusal:
        return _failed(refusal, started, outcome=refusal.outcome)
    except Refusal as refusal:
        return _failed(refusal, started, cause=str(refusal.__cause__ or ""))
    except Exception as error:
        _faults.tell("probe_failed", error, operation=route.endpoint.operation)
        unknown = provider_error("999", prefix=route.provider.prefix, name=route.provider.name)
        return _failed(unknown, started, cause=type(error).__name__)
    code = reading.codes[0] if reading.codes else ""
    return Finding(code or OK, reading.status, time.perf_counter() - started, code)


def example_of(route: Route) -> ProviderRequest:
    """A request with the example values that the documentation shows."""
    endpoint = route.endpoint
    if endpoint.person is not None:
        return _about_a_person(route, endpoint.person)
    values = []
    target = endpoint.path
    for parameter in endpoint.parameters:
        spelling, example = parameter.kind.sent_as, parameter.kind.example
        values.append(example if spelling is None else spelling(example))
        target = target.replace("{" + parameter.name + "}", quote(values[-1], safe=""))
    query = {"user_id": AGENT} if endpoint.user_id else {}
    return ProviderRequest(
        route,
        target=f"{target}?{urlencode(query)}" if query else target,
        values=values,
        query=query,
        request_id=f"ping-{uuid.uuid4()}",
    )


def _about_a_person(route: Route, person: Identification) -> ProviderRequest:
    """A request for the person of the examples, in canonical form; nobody where FranceConnect says who it is."""
    examples = {parameter.name: [parameter.example] for parameter in person.parameters if parameter.example}
    asked = RULES[person.family].read(examples, today())
    parameters = asked.parameters if isinstance(asked, Asked) else ()
    path = route.endpoint.path
    return ProviderRequest(
        route,
        target=f"{path}?{urlencode(parameters)}" if parameters else path,
        values=(),
        query={},
        request_id=f"ping-{uuid.uuid4()}",
    )


def _failed(refusal: Refusal, started: float, *, outcome: str = "", cause: str = "") -> Finding:
    error = refusal.errors[0]
    seconds = time.perf_counter() - started
    return Finding(outcome or error.code, refusal.status, seconds, error.code, error.detail, cause)
