"""What holds for every test."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog


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
