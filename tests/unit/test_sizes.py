"""The script that measures modules, classes and functions."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "sizes.py"
SIZES: dict[str, Any] = runpy.run_path(str(SCRIPT))


def _function(lines: int, name: str = "f") -> str:
    return f"def {name}():\n" + "    x = 1\n" * (lines - 1)


def _class(lines: int) -> str:
    return "class C:\n" + "    x = 1\n" * (lines - 1)


def _module(lines: int) -> str:
    return "f()\n" * lines


def _faults(*texts: str) -> list[str]:
    found: list[str] = SIZES["faults"](SIZES["measure"]((f"m{number}.py", text) for number, text in enumerate(texts)))
    return found


def _in_company(text: str) -> str:
    """A function among short ones, so that it is not a tenth of all."""
    return text + "".join(_function(2, f"f{number}") for number in range(20))


@pytest.mark.parametrize("text", [_module(400), _class(300), _in_company(_function(60)), "", '"""Nothing."""\n'])
def test_what_is_within_the_bounds(text: str) -> None:
    """What is as long as the bound is accepted, and so is what is empty."""
    assert _faults(text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (_module(401), "m0.py: a module of 401 lines, 400 are allowed"),
        (_class(301), "m0.py:1 C: a class of 301 lines, 300 are allowed"),
        (_in_company(_function(61)), "m0.py:1 f: a function of 61 lines, 60 are allowed"),
        (_in_company("async " + _function(61)), "m0.py:1 f: a function of 61 lines, 60 are allowed"),
        ("class C:\n    class D:\n" + "        x = 1\n" * 300, "m0.py:2 D: a class of 301 lines, 300 are allowed"),
    ],
)
def test_what_is_too_long(text: str, fault: str) -> None:
    """One line too many is refused, with the place."""
    assert fault in _faults(text)


def test_nine_functions_in_ten_are_short() -> None:
    """One function in ten may have more than 20 lines, two may not."""
    short = [_function(20, f"short_{number}") for number in range(9)]
    assert _faults(*short, _function(21)) == []
    assert _faults(*short[1:], _function(21), _function(22)) == [
        "2 of 10 functions have more than 20 lines (nine in ten have up to 21); one in ten may"
    ]


def test_a_module_of_data_may_be_long() -> None:
    """Tables may have any length; a module of which more than a quarter is other code may not."""
    table = "A = [\n" + "    1,\n" * 298 + "]\n"
    words = 'import json\n"""Nothing\nis counted here."""\n\n# Nor here.\n'
    assert _faults(words + table + _class(100)) == []
    assert _faults(words + table + _class(101)) == ["m0.py: a module of 406 lines, 400 are allowed"]


def test_the_script_names_what_is_too_long(tmp_path: Path) -> None:
    """Run on a folder it prints the longest of each kind, and fails if one of them is too long."""
    file = tmp_path / "a.py"
    file.write_text(_class(300))
    fine = _run(tmp_path)
    assert (fine.returncode, fine.stderr) == (0, "")
    assert fine.stdout.startswith(f"longest: module 300 ({file}), class 300 ({file}:1 C); ")
    file.write_text(_class(301))
    refused = _run(tmp_path)
    assert (refused.returncode, refused.stderr) == (1, f"{file}:1 C: a class of 301 lines, 300 are allowed\n")


def test_a_folder_without_sources_is_refused(tmp_path: Path) -> None:
    """A misspelt folder is no folder in which all is well."""
    refused = _run(tmp_path / "nowhere")
    assert refused.returncode == 1
    assert "no Python file" in refused.stderr


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False)
