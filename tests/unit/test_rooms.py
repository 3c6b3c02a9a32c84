"""Rooms of the package: each can be imported by itself, as any of them may be imported first."""

import subprocess
import sys
from pathlib import Path

import pytest

import apientreprise_gateway

PACKAGE = Path(apientreprise_gateway.__file__).parent
ROOMS = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_can_be_imported_first(room: str) -> None:
    """All modules of a room are imported in a fresh interpreter, without a warning."""
    modules = [
        ".".join(("apientreprise_gateway", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in sorted((PACKAGE / room).rglob("*.py"))
    ]
    code = "".join(f"import {name}\n" for name in modules).replace(".__init__", "")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
