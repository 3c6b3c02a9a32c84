"""The conditions under which the gateway and its peers are compared, and the providers that make them."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from testbed import BODY, HERE, Testbed, free_port, provider, started

from support.certificates import Authority, Signed


@dataclass(frozen=True, eq=False)
class Condition:
    """What differs from an ordinary call, and how much is asked at once."""

    name: str
    aims: Mapping[int, float]
    """By number of connections: the gateway's CPU per answer is to be at most so many times that of nginx + Lua."""
    p99_aim: float | None = None
    """The gateway's p99 is to be at most so many times what it is by plain HTTP with as many connections."""
    clients_by_https: bool = False
    provider_by_https: bool = False
    provider_milliseconds: int = 0
    answer_kib: int = 0

    @property
    def seconds(self) -> int:
        """How many times as long a run is as others: where few answers come, more of them are waited for."""
        return 2 if self.provider_milliseconds else 1

    def label(self, connections: int) -> str:
        """What tables and the chart call it."""
        what = "in flight" if self.provider_milliseconds else "connection" if connections == 1 else "connections"
        return f"{self.name}, {connections} {what}"


CONDITIONS: Final = {
    "plain": Condition("plain HTTP, 1 kB", {1: 1.7, 16: 1.7, 64: 1.5}),
    "provider-https": Condition("provider by HTTPS", {16: 1.7, 64: 1.7}, p99_aim=1.3, provider_by_https=True),
    "provider-slow": Condition("provider of 300 ms", {100: 1.6, 300: 1.6}, provider_milliseconds=300),
    "clients-https": Condition("clients by HTTPS", {64: 1.5}, clients_by_https=True),
    "large": Condition("answers of 100 KiB", {16: 1.1, 64: 1.1}, answer_kib=100),
}
"""The conditions by the names that options know them by."""


def large(kib: int) -> str:
    """The usual answer with a text of so many KiB in it."""
    body = json.loads(BODY)
    body["data"]["personne_morale_attributs"]["raison_sociale"] += "Y" * 1024 * kib
    return json.dumps(body, ensure_ascii=False)


@dataclass(frozen=True)
class Place:
    """A testbed with the provider of a condition, and the certificate that servers show their clients, if any."""

    testbed: Testbed
    signed: Signed | None


@contextlib.contextmanager
def place(condition: Condition, testbed: Testbed) -> Iterator[Place]:
    """Run what a condition needs beside the server under test."""
    folder = testbed.folder / condition.name.replace(" ", "-")
    folder.mkdir()
    authority = Authority(folder)
    signed = authority.sign("server")
    with contextlib.ExitStack() as stack:
        if condition.provider_milliseconds:
            port = free_port()
            command = [sys.executable, str(HERE / "slow.py"), str(port), str(condition.provider_milliseconds)]
            stack.enter_context(started(command, folder / "provider", port=port, cpu=testbed.cpus))
            testbed = replace(testbed, upstream_port=port)
        elif condition.provider_by_https or condition.answer_kib:
            port = stack.enter_context(
                provider(
                    folder / "provider",
                    testbed.cpus,
                    body=large(condition.answer_kib),
                    signed=signed if condition.provider_by_https else None,
                )
            )
            trusted = authority.file if condition.provider_by_https else None
            testbed = replace(testbed, upstream_port=port, authority=trusted)
        yield Place(testbed, signed if condition.clients_by_https else None)
