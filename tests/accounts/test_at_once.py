"""Two processes that get the same at the same instant, on both databases."""

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

from sqlalchemy import Engine, func, select

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.model import HabilitationState, ProductKey
from apientreprise_gateway.database.accounts import events, tokens
from apientreprise_gateway.database.engine import reading
from apientreprise_gateway.sandbox.datapass.bodies import body_v2
from apientreprise_gateway.sandbox.datapass.requests import FictiveRequest

T = 1_760_000_000
PROCESSES = 2
PROGRAM = """
import json, sys
from datetime import UTC, datetime
from pydantic import SecretStr
from apientreprise_gateway.accounts.datapass import v2
from apientreprise_gateway.accounts.model import ProductKey
from apientreprise_gateway.database.engine import connect
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.portal.webhooks import Webhooks

bodies = [json.dumps(each).encode() for each in json.loads(sys.stdin.readline())]
engine = connect(sys.argv[1])
webhooks = Webhooks(
    engine=engine, secrets=(SecretStr("x"),), client_ip=ClientIp(), now=lambda: datetime.fromtimestamp(1760000100, UTC)
)
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([webhooks.apply(v2.SOURCE, ProductKey.ENTREPRISE, body).body for body in bodies]), flush=True)
engine.dispose()
"""


def _at_once(url: str, told: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Have each process apply its bodies, all from the same moment on; their answers."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in told
        ]
        for process, bodies in zip(started, told, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(bodies) + "\n")
            process.stdin.flush()
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = []
        for process in started:
            assert process.stdout is not None
            answers.append(json.loads(process.stdout.readline()))
        return answers


def test_the_same_bodies_make_one_token_each(url: str, engine: Engine) -> None:
    """Both processes answer with the same tokens, of which there is one for each approval."""
    bodies = [
        body_v2(FictiveRequest(product="entreprise", number=number), event, T + place)
        for number in range(1, 6)
        for place, event in enumerate(("submit", "approve"))
    ]
    first, second = _at_once(url, [bodies] * PROCESSES)
    assert first == second
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(events)) == 10
        made = set(connection.scalars(select(tokens.c.id)))
    assert made == {answer["token_id"] for answer in first if answer}
    assert len(made) == 5


def test_one_habilitation_is_told_of_by_two(url: str, engine: Engine) -> None:
    """Approvals and a revocation of one habilitation, by two processes at once: nothing is lost, all is revoked."""
    request = FictiveRequest(product="entreprise", number=7)
    halves = [
        [body_v2(request, "approve", T + place) for place in range(0, 8, 2)] + [body_v2(request, "revoke", T + 20)],
        [body_v2(request, "approve", T + place) for place in range(1, 8, 2)],
    ]
    _at_once(url, halves)
    with reading(engine) as connection:
        found = repository.habilitation_by_number(connection, ProductKey.ENTREPRISE, "7")
        assert found is not None
        kept = repository.tokens_of(connection, found.id)
    assert found.state is HabilitationState.REVOKED
    assert len(kept) == 8
    assert all(token.revoked_at is not None for token in kept)
