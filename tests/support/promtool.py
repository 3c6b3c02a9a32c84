"""Prometheus' own tool, where there is one."""

import shutil

import pytest


def promtool() -> str:
    """The machine's promtool; skips the test where there is none."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on this machine (Debian: apt-get install prometheus)")
    return found
