"""Calls that are given up at any moment, to a provider that fails at any moment."""

import asyncio
import random
import ssl
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from apientreprise_gateway.upstream.faults import CallError
from apientreprise_gateway.upstream.pool import Pool
from apientreprise_gateway.upstream.spool import Spool, SpoolFile
from apientreprise_gateway.upstream.tls import client_context
from support.certificates import Authority
from support.proxy import proxy
from support.site import LONG
from support.stub import answer, stub

pytestmark = pytest.mark.uvloop

CALLS = 300
LONGEST = 300_000


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority."""
    return Authority(tmp_path_factory.mktemp("ca"))


async def _moody(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(random.random() * 0.02)
    mood = random.random()
    if mood < 0.1:
        writer.transport.abort()
    elif mood < 0.2:
        writer.write(answer(bytes(LONGEST))[:-5])
        writer.close()
    elif mood < 0.5:
        writer.write(answer(bytes(random.randrange(LONGEST))))
    else:
        writer.write(answer(b"{}"))


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def _call(pool: Pool, spool: Spool, *, patience: float) -> str:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + random.random() * patience
    task = asyncio.create_task(
        pool.get("/", request_id="r", deadline=deadline, spool=spool if random.random() < 0.5 else None)
    )
    if random.random() < 0.3:
        loop.call_later(random.random() * patience, task.cancel)
    try:
        response = await task
    except CallError as error:
        return error.fault.name
    except asyncio.CancelledError:
        return "given up"
    if response.file is not None:
        assert isinstance(response.file, SpoolFile)
        assert response.file.size > len(response.body)
        response.file.discard()
    return "ok"


async def _storm(url: str, through: str | None, tls: ssl.SSLContext) -> Counter[str]:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    pool = Pool(url, timeout=LONG, max_body=LONGEST, user_agent="tests", tls=tls, proxy=through)
    spool = Spool()
    outcomes: Counter[str] = Counter()
    for patience in (0.02, 0.1, 0.5, LONG):
        for _ in range(0, CALLS // 4, 50):
            calls = [_call(pool, spool, patience=patience) for _ in range(50)]
            outcomes.update(await asyncio.gather(*calls))
    pool.close()
    spool.close()
    assert complaints == [], "the event loop has nothing to complain of"
    return outcomes


@pytest.mark.parametrize("through", [False, True], ids=["directly", "through a proxy"])
@pytest.mark.parametrize("with_tls", [False, True], ids=["http", "https"])
async def test_nothing_is_left_behind(ca: Authority, with_tls: bool, through: bool) -> None:
    """Whenever calls are given up, no connection, no file and no complaint of the event loop is left."""
    with ExitStack() as stack:
        context = ca.sign("server").server_context() if with_tls else None
        provider = stack.enter_context(stub(_moody, tls=context))
        between = stack.enter_context(proxy()).url if through else None

        async def main() -> Counter[str]:
            before = _open_files()
            outcomes = await _storm(provider.url, between, client_context(ca=ca.file))
            async with asyncio.timeout(LONG):
                # The other ends are in this process as well, and end a little later. One file is the loop's own.
                while _open_files() > before + 1:
                    await asyncio.sleep(0.02)
            return outcomes

        outcomes = await main()
    assert outcomes["ok"] > 0
    assert outcomes["TIMEOUT"] + outcomes["given up"] > 0
    assert outcomes["NETWORK"] > 0
