"""Tests of the application as a whole, without a server of ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.settings import load
from support.site import UNITE_LEGALE
from support.tokens import SECRET


@asynccontextmanager
async def living(app: Any) -> AsyncIterator[None]:
    """Start and stop an application, as ASGI servers do."""
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan"}, asked.get, told.put))
    for event in ("lifespan.startup", "lifespan.shutdown"):
        await asked.put({"type": event})
        assert (await told.get())["type"] == f"{event}.complete"
        if event == "lifespan.startup":
            yield
    await life


async def test_any_asgi_server_will_do(tmp_path: Path) -> None:
    """Both planes are answered by way of ASGI's messages as well, with a line for each call of the data plane."""
    log = tmp_path / "access"
    gateway = Gateway(load(jwt_secrets=SECRET, upstream_url="http://127.0.0.1:9", access_log=str(log)))

    async def calls() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=gateway)
        async with living(gateway), httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return [await client.get(path) for path in (UNITE_LEGALE, "/nowhere", "/livez")]

    answers = await calls()
    assert [answer.status_code for answer in answers] == [401, 404, 200]
    assert [len(answer.content) == int(answer.headers["content-length"]) for answer in answers] == [True] * 3
    assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == [401, 404]


async def test_the_catalogue_has_the_terms_of_the_settings() -> None:
    """Limits are those of the settings, `user_id` is asked for as they say; a host of one product tells of that one."""
    gateway = Gateway(
        load(
            jwt_secrets=SECRET,
            upstream_url="http://127.0.0.1:9",
            limit_json="7",
            user_id_required="none",
            hosts="people.example=particulier",
        )
    )
    transport = httpx.ASGITransport(app=gateway)
    async with living(gateway), httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        every = (await client.get("/catalogue.json")).json()
        people = (await client.get("/catalogue.json", headers={"host": "people.example"})).json()

    assert {each["limit"] for each in every["operations"] if each["group"] == "json"} == {7}
    assert not any("user_id" in each["traceability"] for each in every["operations"])
    assert len(every["products"]) == 2
    assert {each["product"] for each in people["operations"]} == {"api_particulier"}
