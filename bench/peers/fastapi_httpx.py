"""The peer that most teams would write first: FastAPI, dependencies, httpx, redis-py, structlog, prometheus_client."""

import os
import time
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
    async with httpx.AsyncClient(base_url=os.environ["UPSTREAM"], timeout=10) as client:
        app.state.client = client
        yield
    await app.state.redis.aclose()


app = FastAPI(lifespan=life)
app.mount("/metrics", make_asgi_app())


def claims(authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
    """Verify the token."""
    try:
        return jwt.decode(authorization.removeprefix("Bearer "), os.environ["SECRET"], algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error


async def admit(request: Request, response: Response, token: Annotated[dict[str, Any], Depends(claims)]) -> None:
    """Count the call; refuse it beyond the limit."""
    assert request.client is not None
    address = request.client.host
    keys = [f"ban:{address}", f"address:{address}", f"token:{token['jti']}"]
    verdict, left, free = await request.app.state.window(keys=keys, args=[LIMIT, LIMIT])
    if verdict < 1:
        raise HTTPException(429 if verdict == 0 else 403)
    response.headers["RateLimit-Limit"] = str(LIMIT)
    response.headers["RateLimit-Remaining"] = str(left)
    response.headers["RateLimit-Reset"] = str(free)


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
        path=request.url.path,
        status=response.status_code,
        seconds=seconds,
        context=query.get("context"),
        object=query.get("object"),
        recipient=query.get("recipient"),
    )
    return response


@app.get("/v3/insee/sirene/unites_legales/{siren}", dependencies=[Depends(admit)])
async def unite_legale(
    siren: str,
    context: Annotated[str, Query()],
    purpose: Annotated[str, Query(alias="object")],
    recipient: Annotated[str, Query()],
) -> Any:
    """Ask the provider."""
    answer = await app.state.client.get(f"/v3/insee/sirene/unites_legales/{siren}")
    answer.raise_for_status()
    return answer.json()
