"""What holds for every test."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import structlog
import uvloop
from hypothesis import HealthCheck, settings

from support.browser import browser, page, phone  # noqa: F401 - fixtures, for any module that names them
from support.database_fixtures import empty_url, engine, kind, postgresql, url  # noqa: F401 - fixtures
from support.loops import WoundLoop

# How long an example takes, or its making, says more of what else the machine does than of the code.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

gc.disable()  # What collecting the tests makes stays: to look for garbage in it takes a third of the time.


def pytest_collection_finish() -> None:
    """Look for garbage again, in what comes from now on."""
    gc.freeze()
    gc.enable()


_MASK = signal.pthread_sigmask(signal.SIG_BLOCK, ())


def pytest_runtest_teardown() -> None:
    """Let signals through again: a command that is called in this process, and refused, ends with them held.

    What later tests start would inherit that.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, _MASK)


LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
    "wound": WoundLoop,
}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What runs an asynchronous test: the loop of the standard library, or that of the gateway where it is marked so.

    `pytest.mark.asyncio(loop_factories=…)` runs a test on each loop that it names.
    """
    marker = item.get_closest_marker("asyncio")
    if marker is not None and "loop_factories" in marker.kwargs:
        return LOOPS
    name = "asyncio" if item.get_closest_marker("uvloop") is None else "uvloop"
    return {name: LOOPS[name]}


@pytest.fixture(autouse=True)
def _logs_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command that a test runs in this process sets logs up, which would hold for the tests after it.

    Loggers keep what they are given at first use, if they may: they may not here.
    """
    configure, root = structlog.configure, logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def without_caching(**options: Any) -> None:
        configure(**options | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", without_caching)
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
