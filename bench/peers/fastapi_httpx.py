"""The peer that most teams would write first: FastAPI, dependencies, httpx, redis-py, structlog, prometheus_client."""

import functools
import os
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import jwt
import redis.asyncio
import structlog
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from prometheus_client import Counter, Histogram, make_asgi_app

ANSWERS = Counter("answers", "Answers given", ["route", "status"])
SECONDS = Histogram("answer_seconds", "Time of an answer", ["route"])
SCRIPT = (Path(__file__).parent / "window.lua").read_text()
LIMIT = int(os.environ["LIMIT"])
log = structlog.wrap_logger(
    structlog.WriteLogger(Path(os.environ["ACCESS_LOG"]).open("a")),  # noqa: SIM115 - open as long as the process lives
    processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
)


@asynccontextmanager
async def life(app: FastAPI) -> AsyncIterator[None]:
    """Open the clients."""
    app.state.redis = redis.asyncio.Redis(port=int(os.environ["REDIS_PORT"]), max_connections=1000)
    app.state.window = app.state.redis.register_script(SCRIPT)
    authority = os.environ.get("AUTHORITY")
    async with httpx.AsyncClient(
        base_url=os.environ["UPSTREAM"],
        timeout=10,
        verify=ssl.create_default_context(cafile=authority) if authority else False,
        # By default it would keep 20 connections, and make the others anew for each call.
        limits=httpx.Limits(max_connections=512, max_keepalive_connections=512),
    ) as client:
        app.state.client = client
        yield
    await app.state.redis.aclose()


app = FastAPI(lifespan=life)
app.mount("/metrics", make_asgi_app())


@functools.lru_cache(10_000)
def verified(token: str) -> dict[str, Any]:
    """The claims of a valid token; they are kept, as the other peers keep them."""
    return jwt.decode(token, os.environ["SECRET"], algorithms=["HS256"])


def claims(authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
    """Verify the token."""
    try:
        found = verified(authorization.removeprefix("Bearer "))
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    if found["exp"] <= time.time():
        raise HTTPException(401)
    return found


async def admit(request: Request, token: Annotated[dict[str, Any], Depends(claims)]) -> dict[str, str]:
    """Count the call; refuse it beyond the limit; give the headers that tell of the limit."""
    assert request.client is not None
    address, request.state.jti = request.client.host, token["jti"]
    keys = [f"ban:{address}", f"address:{address}", f"token:{token['jti']}"]
    verdict, left, free = await request.app.state.window(keys=keys, args=[LIMIT, LIMIT])
    if verdict < 1:
        raise HTTPException(429 if verdict == 0 else 403)
    return {"RateLimit-Limit": str(LIMIT), "RateLimit-Remaining": str(left), "RateLimit-Reset": str(free)}


@app.middleware("http")
async def record(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Count, time and log the answer."""
    started = time.perf_counter()
    response = await call_next(request)
    seconds = time.perf_counter() - started
    route = getattr(request.scope.get("route"), "path", "none")
    ANSWERS.labels(route, response.status_code).inc()
    SECONDS.labels(route).observe(seconds)
    query = request.query_params
    log.info(
        "access",
        request_id=uuid.uuid4().hex,
        path=request.url.path,
        jti=getattr(request.state, "jti", None),
        client_ip=request.client and request.client.host,
        status=response.status_code,
        seconds=seconds,
        context=query.get("context"),
        object=query.get("object"),
        recipient=query.get("recipient"),
    )
    return response


@app.get("/v3/insee/sirene/unites_legales/{siren}")
async def unite_legale(
    siren: str,
    context: Annotated[str, Query()],
    purpose: Annotated[str, Query(alias="object")],
    recipient: Annotated[str, Query()],
    headers: Annotated[dict[str, str], Depends(admit)],
) -> Response:
    """Ask the provider, and hand its answer on as it is."""
    answer = await app.state.client.get(f"/v3/insee/sirene/unites_legales/{siren}")
    answer.raise_for_status()
    return Response(answer.content, headers=headers, media_type="application/json")
